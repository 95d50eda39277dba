// Mutation testing of the rooms that decide about trust: every change of their code that no test
// notices is listed; what may survive, and why, stands in mutation/accepted.json.
import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'

import { instrument, type Mutant } from './mutation/instrument.ts'
import { runLane, type Fate, type Room, type Seen } from './mutation/lane.ts'
import type { SuiteResult } from './suite.ts'

const roomNames = ['issuer', 'policy', 'ci', 'identity']
const goal = 0.85
const budgetMs = Number(process.env['MUTATION_SECONDS'] ?? 540) * 1000

/** Kills mutants; passes when 85 % of them die in all rooms together. */
export async function runMutationSuite(): Promise<SuiteResult> {
  const deadline = performance.now() + budgetMs
  const rooms = await Promise.all(roomNames.map(openRoom))
  const every = rooms.flatMap(({ rest }) => rest)
  const seen: Seen = { fates: new Map(), leftOut: new Set() }
  // The lanes begin at opposite ends, so that one finds what the other measured.
  await Promise.all([runLane(rooms, seen, deadline), runLane(rooms.toReversed(), seen, deadline)])
  const result = summarize(every, seen.fates)
  result.notes.push(...[...seen.leftOut].map((test) => `left out: ${test}`))
  return result
}

// Mutants are tried in an order that has nothing to do with where they are, so what was tried when
// the time is up is a fair sample of all.
async function openRoom(name: string): Promise<Room> {
  const own = globSync(`src/${name}/**/*.ts`).toSorted()
  const testFiles = [...own, ...globSync(`test/${name}-*.ts`).toSorted()]
  const { files, mutants } = await instrument(
    own.filter((file) => !/\.(test|fixture)\.ts$/.test(file)),
  )
  return {
    name,
    files,
    testFiles: testFiles.filter((file) => file.endsWith('.test.ts')),
    rest: mutants.toSorted((one, other) => (rankOf(one) < rankOf(other) ? -1 : 1)),
  }
}

function rankOf({ file, id }: Mutant): string {
  return createHash('sha256').update(`${file} ${id}`).digest('hex')
}

function summarize(every: readonly Mutant[], fates: ReadonlyMap<Mutant, Fate>): SuiteResult {
  const accepted = JSON.parse(
    readFileSync(new URL('mutation/accepted.json', import.meta.url), 'utf8'),
  ) as Record<string, string>
  const mutants = every.filter((mutant) => fates.has(mutant))
  const isDead = (mutant: Mutant) => ['killed', 'hung'].includes(fates.get(mutant) ?? '')
  const dead = mutants.filter((mutant) => isDead(mutant))
  const alive = mutants.filter((mutant) => !isDead(mutant))
  const notes = roomNames.map((room) => {
    const own = mutants.filter(({ file }) => file.startsWith(`src/${room}/`))
    const killed = own.filter((mutant) => isDead(mutant)).length
    return `${room}: ${killed} of ${own.length} killed (${percent(killed, own.length)})`
  })
  const score = dead.length / mutants.length
  notes.push(`${mutants.length} of ${every.length} mutants were tried in the time given`)
  notes.push(
    `all: ${dead.length} of ${mutants.length} killed (${percent(dead.length, mutants.length)}), goal ${percent(goal, 1)}`,
  )
  for (const mutant of alive) {
    const { file, line, mutator, replacement } = mutant
    const reason = accepted[`${file} ${mutator} ${replacement}`] ?? ''
    const why = reason === '' ? '' : ` — ${reason}`
    notes.push(`${fates.get(mutant)}: ${file}:${line} ${mutator} → ${replacement}${why}`)
  }
  return {
    suite: 'mutation',
    passed: dead.length,
    failed: score >= goal ? 0 : alive.length,
    skipped: 0,
    notes,
  }
}

function percent(part: number, whole: number): string {
  return whole === 0 ? 'none tried' : `${((100 * part) / whole).toFixed(1)} %`
}
