// Relying parties that no one here wrote, before tokens of our real service: each is shown the right
// token and six wrong ones, and the matrix of what it made of them is printed and asserted.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { messageOf } from '../src/core/fault.ts'
import { copyPrograms } from './kill/part.ts'
import { azcopy } from './parties/azcopy.ts'
import { azureIdentity } from './parties/azure-identity.ts'
import { goOidc } from './parties/go-oidc.ts'
import { googleAuth } from './parties/google-auth.ts'
import { type PartyLab, startPartyLab } from './parties/lab.ts'
import { openidClient } from './parties/openid-client.ts'
import {
  type Ask,
  columns,
  formatMatrix,
  type PartyKind,
  type PartyRow,
  wordOf,
} from './parties/party.ts'
import { createFinder } from './parties/programs.ts'
import { radosgw } from './parties/radosgw.ts'
import { terraform } from './parties/terraform.ts'
import { createTally, type SuiteResult } from './suite.ts'

/** All parties, in the order of the matrix. */
export const partyKinds: readonly PartyKind[] = [
  radosgw,
  goOidc,
  openidClient,
  googleAuth,
  azureIdentity,
  azcopy,
  terraform,
]

type Check = ReturnType<typeof createTally>['check']
type Line = { row: PartyRow; cells: string[] }

/** Shows tokens to the parties whose names hold `only`. */
export async function runPartiesSuite(
  only = '',
  { service }: { service?: readonly string[] } = {},
): Promise<SuiteResult> {
  const { check, result } = createTally('parties')
  const finder = createFinder(process.env)
  const wanted = partyKinds.filter(({ rows }) => rows.some(({ name }) => name.includes(only)))
  const missing = wanted.map(({ needs }) => finder.missing(needs))
  const kinds = wanted.filter((_, index) => missing[index] === '')
  const folder = mkdtempSync(join(tmpdir(), 'asd-parties-'))
  try {
    const ours = service ?? [
      process.execPath,
      join(copyPrograms(join(folder, 'dist')), 'service.mjs'),
    ]
    const lab = await startPartyLab(join(folder, 'lab'), { service: ours, finder })
    try {
      // One after the other they would wait for each other's processes to start.
      const lines = await Promise.all(kinds.map((kind) => runKind(lab, kind, check)))
      result().notes.push(...formatMatrix(lines.flat()))
    } finally {
      await lab.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const outcome = result()
  for (const [index, kind] of wanted.entries()) {
    if (missing[index] === '') continue
    outcome.skipped += kind.rows.length
    outcome.notes.push(
      `skipped: ${kind.rows.map(({ name }) => name).join(', ')}: ${missing[index]}`,
    )
  }
  return outcome
}

async function runKind(lab: PartyLab, kind: PartyKind, check: Check): Promise<Line[]> {
  const names = kind.rows.map(({ name }) => name).join(', ')
  const opened = await kind.open(lab).catch((error: unknown) => {
    check(false, `${names} could not be started: ${messageOf(error)}`)
  })
  if (!opened) return []
  try {
    const lines: Line[] = []
    for (const [index, row] of kind.rows.entries()) {
      const ask = opened.asks[index]
      if (ask) lines.push({ row, cells: await showTokens(lab, row, ask, check) })
    }
    return lines
  } finally {
    await opened.close()
  }
}

async function showTokens(lab: PartyLab, row: PartyRow, ask: Ask, check: Check): Promise<string[]> {
  const cells: string[] = []
  for (const column of columns) {
    const { isAccepted, says } = await ask(await lab.question(column, row.audience)).catch(
      (error: unknown) => ({ isAccepted: undefined, says: messageOf(error) }),
    )
    const expected = row.expects[column]
    const isRight =
      expected === 'accepts' ? isAccepted === true : isAccepted === false && expected.test(says)
    const wish = expected === 'accepts' ? 'accept it' : `refuse it with ${expected}`
    check(isRight, `${row.name}, ${column}: it should ${wish}, and said: ${says.slice(0, 1500)}`)
    cells.push(isAccepted === undefined ? 'ERROR' : wordOf(column, isAccepted))
  }
  return cells
}
