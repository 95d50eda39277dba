// Mutation testing of the rooms that decide about trust: every change of their code that no test
// notices is listed; what may survive, and why, stands in mutation/accepted.json.
import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'

import { instrument, type Mutant } from './mutation/instrument.ts'
import type { Coverage, Job, Message } from './mutation/worker.ts'
import type { SuiteResult } from './suite.ts'

const rooms = ['identity', 'policy', 'ci', 'issuer']
const goal = 0.85
const workers = 2
const hangMs = 6_000
// Mutants are tried in an order that has nothing to do with where they are, so what was tried when
// the time is up is a fair sample of all.
const budgetMs = Number(process.env['MUTATION_SECONDS'] ?? 540) * 1000

/** What the workers told. */
type Seen = {
  fates: Map<string, Fate>
  leftOut: Set<string>
  deadline: number
  coverage?: Coverage
}

type Fate = 'killed' | 'survived' | 'uncovered' | 'hung'

/** Kills mutants; passes when 85 % of them die in every room together. */
export async function runMutationSuite(): Promise<SuiteResult> {
  const all = rooms.flatMap((room) => globSync(`src/${room}/**/*.ts`)).toSorted()
  // Those that start servers and programs are for npm test.
  const testFiles = all.filter(
    (file) => file.endsWith('.test.ts') && !/\bbefore\(/.test(readFileSync(file, 'utf8')),
  )
  const sources = all.filter((file) => !/\.(test|fixture)\.ts$/.test(file))
  const deadline = performance.now() + budgetMs
  const { files, mutants: ordered } = await instrument(sources)
  const mutants = ordered.toSorted((one, other) => compare(rankOf(one), rankOf(other)))
  const fates = new Map<string, Fate>()
  const leftOut = new Set<string>()
  const lanes = Array.from({ length: workers }, (_, lane) =>
    mutants.filter((__, index) => index % workers === lane),
  )
  await Promise.all(
    lanes.map((lane) =>
      tryAll({ root: '.', files, testFiles }, lane, { fates, leftOut, deadline }),
    ),
  )
  const result = summarize(ordered, fates)
  result.notes.push(...[...leftOut].map((test) => `left out: ${test}`))
  return result
}

// A mutant that hangs its process counts as killed; the next process goes on behind it.
async function tryAll(
  job: Omit<Job, 'mutants'>,
  lane: readonly Mutant[],
  seen: Seen,
): Promise<void> {
  const { fates } = seen
  const stuckOnce = new Set<string>()
  for (;;) {
    const rest = lane.filter(({ id }) => !fates.has(id))
    if (rest.length === 0 || performance.now() > seen.deadline) return
    const { coverage } = seen
    const stuck = await runWorker({ ...job, mutants: rest, ...(coverage && { coverage }) }, seen)
    // One that brings its process down, or to a stop, is noticed; twice, so that it was not the machine.
    if (stuck === undefined) continue
    if (stuckOnce.has(stuck)) fates.set(stuck, 'hung')
    stuckOnce.add(stuck)
  }
}

function runWorker(job: Job, seen: Seen): Promise<string | undefined> {
  const { fates } = seen
  const child: ChildProcess = fork(new URL('mutation/worker.ts', import.meta.url), [], {
    // Mutants that print, or leave promises behind, must not disturb the count.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: ['--unhandled-rejections=none', '--max-old-space-size=2048'],
  })
  return new Promise((resolve, reject) => {
    let current: string | undefined
    let timer: NodeJS.Timeout | undefined
    const watch = () => {
      clearTimeout(timer)
      timer = setTimeout(() => child.kill('SIGKILL'), current === undefined ? 120_000 : hangMs)
    }
    watch()
    const ending = setTimeout(
      () => {
        current = undefined
        child.kill('SIGKILL')
      },
      Math.max(0, seen.deadline - performance.now()),
    )
    child.on('message', (message: Message) => {
      if (message.kind === 'broken') reject(new Error(message.reason))
      else if (message.kind === 'coverage') seen.coverage = message.coverage
      else if (message.kind === 'left out') seen.leftOut.add(message.test)
      else if (message.kind === 'begin') current = message.id
      else if (message.kind === 'done') current = undefined
      else if (message.kind !== 'alive') fates.set(message.id, message.kind)
      watch()
      if (message.kind === 'done' || message.kind === 'broken') child.kill('SIGKILL')
    })
    child.once('exit', () => {
      clearTimeout(timer)
      clearTimeout(ending)
      resolve(current !== undefined && !fates.has(current) ? current : undefined)
    })
    child.send(job)
  })
}

function rankOf({ file, id }: Mutant): string {
  return createHash('sha256').update(`${file} ${id}`).digest('hex')
}

function compare(one: string, other: string): number {
  return one < other ? -1 : 1
}

function summarize(every: readonly Mutant[], fates: ReadonlyMap<string, Fate>): SuiteResult {
  const accepted = JSON.parse(
    readFileSync(new URL('mutation/accepted.json', import.meta.url), 'utf8'),
  ) as Record<string, string>
  const mutants = every.filter(({ id }) => fates.has(id))
  const isDead = ({ id }: Mutant) => ['killed', 'hung'].includes(fates.get(id) ?? '')
  const dead = mutants.filter((mutant) => isDead(mutant))
  const alive = mutants.filter((mutant) => !isDead(mutant))
  const notes = rooms.map((room) => {
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
    const { file, line, mutator, replacement, id } = mutant
    const reason = accepted[`${file} ${mutator} ${replacement}`] ?? ''
    const why = reason === '' ? '' : ` — ${reason}`
    notes.push(`${fates.get(id)}: ${file}:${line} ${mutator} → ${replacement}${why}`)
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
  return `${((100 * part) / whole).toFixed(1)} %`
}
