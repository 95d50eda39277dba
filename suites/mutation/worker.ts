// One process that tries the mutants of a room, one after another as its parent names them. The
// parent ends it when a mutant hangs it, and starts another for the rest.
import { bounded, watchCrashes } from './bounds.ts'
import { openStage, switches, type CollectedTest } from './stage.ts'

/** What the parent sends first. */
export type Job = {
  files: Record<string, string>
  testFiles: string[]
  /** What an earlier worker measured; absent for the first. */
  coverage?: Coverage
}

/** What the parent answers to `next`: a mutant to try. */
export type Order = { id: string; file: string }

/** What each mutant is reached by, and the names of tests that cannot be used. */
export type Coverage = { reaches: Record<string, Reach>; leftOut: string[] }

/** Tests by number, cheapest first; how often one reaches it at most; whether loading a module does. */
type Reach = { tests: number[]; hits: number; isStatic: boolean }

/** What the worker says: that it is free, and what became of a mutant. */
export type Message =
  | { kind: 'next' }
  | { kind: 'killed' | 'survived' | 'uncovered' }
  | { kind: 'coverage'; coverage: Coverage }
  | { kind: 'left out'; test: string }
  | { kind: 'broken'; reason: string }
  | { kind: 'alive' | 'full' }

type Stage = ReturnType<typeof openStage>
type Recorded = { static: Record<string, number>; perTest: Record<string, Record<string, number>> }

// A survivor meets every test that covers it, so a slow one would cost more than it can prove.
const slowTestMs = 500
// What one mutant may cost; after that it has survived.
const patienceMs = 15_000
const fullBytes = 1_200_000_000

process.once('message', (job: Job) => {
  // A process that is hung says nothing; one that is busy does.
  setInterval(() => say({ kind: 'alive' }), 1000)
  watchCrashes()
  process.once('disconnect', () => process.exit())
  perform(job).catch((error: unknown) => {
    say({ kind: 'broken', reason: error instanceof Error ? (error.stack ?? '') : String(error) })
  })
})

async function perform(job: Job): Promise<void> {
  const stage = openStage('.', job.files)
  const recorded: Recorded = { static: {}, perTest: {} }
  switches.mutantCoverage = recorded
  const tests: CollectedTest[] = []
  for (const file of job.testFiles) tests.push(...(await stage.collect(file)))
  const coverage = job.coverage ?? (await measureCoverage(tests, recorded))
  delete switches.mutantCoverage
  if (!job.coverage) say({ kind: 'coverage', coverage })
  const leftOut = new Set(coverage.leftOut)
  process.on('message', (mutant: Order) => {
    const reach = coverage.reaches[mutant.id]
    void tryMutant(stage, mutant, reach, { testFiles: job.testFiles, tests, leftOut })
  })
  say({ kind: 'next' })
}

type Play = { tests: readonly CollectedTest[]; leftOut: ReadonlySet<string>; testFiles: string[] }

async function tryMutant(
  stage: Stage,
  mutant: Order,
  reach: Reach | undefined,
  play: Play,
): Promise<void> {
  const { id } = mutant
  if (!reach) say({ kind: 'uncovered' })
  else {
    const deadline = performance.now() + patienceMs
    switches.hitLimit = 10 * reach.hits + 10_000
    switches.activeMutant = id
    const covering = reach.tests.flatMap((index) => play.tests[index] ?? [])
    const isKilled =
      (await isNoticed(covering, deadline)) ||
      (reach.isStatic && (await isNoticedAtLoad(stage, mutant, play, deadline)))
    switches.activeMutant = undefined
    say({ kind: isKilled ? 'killed' : 'survived' })
  }
  say({ kind: isFull() ? 'full' : 'next' })
}

async function isNoticed(tests: readonly CollectedTest[], deadline: number): Promise<boolean> {
  for (const test of tests) {
    switches.hitCount = 0
    if (await bounded(test.run)) return true
    if (performance.now() > deadline) return false
  }
  return false
}

// Code that runs when its module is loaded: all that depends on it is loaded again with the mutant
// in force, the test file beside it first.
async function isNoticedAtLoad(
  stage: Stage,
  { file }: Order,
  { testFiles, leftOut }: Play,
  deadline: number,
): Promise<boolean> {
  stage.renew(file)
  for (const testFile of stage.testsOf(file, testFiles)) {
    if (performance.now() > deadline) return false
    switches.hitCount = 0
    let tests: CollectedTest[] = []
    const failure = await bounded(async () => {
      tests = await stage.collect(testFile)
    })
    if (failure !== undefined) return true
    const usable = tests.filter((test) => !leftOut.has(nameOf(test)))
    if (await isNoticed(usable, deadline)) return true
  }
  return false
}

// Cheap tests first: most mutants fall to the first one that looks at them.
async function measureCoverage(
  tests: readonly CollectedTest[],
  recorded: Recorded,
): Promise<Coverage> {
  const timed: { index: number; milliseconds: number }[] = []
  const leftOut: string[] = []
  for (const [index, test] of tests.entries()) {
    switches.currentTestId = String(index)
    const startedAt = performance.now()
    const failure = await bounded(test.run)
    const milliseconds = performance.now() - startedAt
    // Instrumented code is slow: a test that bounds time or steps may fail without a mutant.
    const why = failure === undefined ? 'slow' : `fails when instrumented: ${failure.slice(0, 80)}`
    const isUsable = failure === undefined && milliseconds < slowTestMs
    if (isUsable) timed.push({ index, milliseconds })
    else {
      leftOut.push(nameOf(test))
      say({ kind: 'left out', test: `${nameOf(test)} (${why})` })
    }
  }
  switches.currentTestId = undefined
  const reaches: Coverage['reaches'] = {}
  const reachOf = (id: string) => (reaches[id] ??= { tests: [], hits: 0, isStatic: false })
  for (const { index } of timed.toSorted((one, other) => one.milliseconds - other.milliseconds)) {
    for (const [id, hits] of Object.entries(recorded.perTest[String(index)] ?? {})) {
      const reach = reachOf(id)
      reach.tests.push(index)
      reach.hits = Math.max(reach.hits, hits)
    }
  }
  for (const [id, hits] of Object.entries(recorded.static)) {
    const reach = reachOf(id)
    reach.isStatic = true
    reach.hits = Math.max(reach.hits, hits)
  }
  return { reaches, leftOut }
}

function isFull(): boolean {
  if (process.memoryUsage().heapUsed < fullBytes) return false
  globalThis.gc?.()
  return process.memoryUsage().heapUsed > fullBytes / 2
}

function nameOf({ file, title }: CollectedTest): string {
  return `${file}: ${title}`
}

function say(message: Message): void {
  process.send?.(message)
}
