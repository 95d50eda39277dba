// What a relying party is here: software of somebody else that is shown seven tokens, and what it must
// make of each. What it does not check is written down too, so that a change is noticed.
import type { PartyLab } from './lab.ts'

/** The right token, and six that differ from it in one thing each. */
export const columns = ['right', 'sub', 'aud', 'iss', 'key', 'kid', 'exp'] as const

/** One of the seven. */
export type Column = (typeof columns)[number]

/** A token as a step has it: by value, and where it is to be fetched with which bearer. */
export type Question = { token: string; url: string; bearer: string }

/** What a party made of a token, with its own words. */
export type Answer = { isAccepted: boolean; says: string }

/** Shows a party one token. */
export type Ask = (question: Question) => Promise<Answer>

/** What a refusal has to say, so that one for another reason does not count; or that it is accepted. */
export type Expectation = 'accepts' | RegExp

/** One row of the matrix. */
export type PartyRow = {
  name: string
  /** Who looks at the token: the party, or a part of the lab in its place. */
  verifier: string
  audience: string
  expects: Readonly<Record<Column, Expectation>>
}

/** Parties that are started together, and the programs they need. */
export type PartyKind = {
  rows: readonly PartyRow[]
  /** Names in `programs.ts`. */
  needs: readonly string[]
  /** Starts it; `asks` are in the order of the rows. */
  open: (lab: PartyLab) => Promise<{ asks: readonly Ask[]; close: () => Promise<void> }>
}

/** The word in a cell of the matrix. */
export function wordOf(column: Column, isAccepted: boolean): string {
  if (column === 'right') return isAccepted ? 'accepted' : 'REFUSED'
  return isAccepted ? 'not checked' : 'refused'
}

/** The matrix as a Markdown table; `cells` are words. */
export function formatMatrix(
  rows: readonly { row: PartyRow; cells: readonly string[] }[],
): string[] {
  const head = ['relying party', 'who verifies', ...columns]
  const body = rows.map(({ row, cells }) => [row.name, row.verifier, ...cells])
  const widths = head.map((_, index) =>
    Math.max(...[head, ...body].map((line) => line[index]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)]
}

/** The matrix as it is asserted. */
export function expectedMatrix(kinds: readonly PartyKind[]): string[] {
  return formatMatrix(
    kinds.flatMap(({ rows }) =>
      rows.map((row) => ({
        row,
        cells: columns.map((column) => wordOf(column, row.expects[column] === 'accepts')),
      })),
    ),
  )
}
