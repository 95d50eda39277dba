// One process that tries mutants one after another and tells its parent of each. The parent ends it
// when a mutant hangs it, and starts another for the rest.
import { openStage, switches, type CollectedTest } from './stage.ts'

/** What the parent sends first. */
export type Job = {
  root: string
  files: Record<string, string>
  testFiles: string[]
  mutants: { id: string; file: string }[]
  /** What an earlier worker measured; absent for the first. */
  coverage?: Coverage
}

/** Tests by the mutants they reach, cheapest first, and the mutants reached when modules load. */
export type Coverage = { tests: Record<string, number[]>; statics: string[] }

/** What the worker says: that it begins with a mutant, and what became of it. */
export type Message =
  | { kind: 'begin'; id: string }
  | { kind: 'killed' | 'survived' | 'uncovered'; id: string }
  | { kind: 'coverage'; coverage: Coverage }
  | { kind: 'left out'; test: string }
  | { kind: 'broken'; reason: string }
  | { kind: 'alive' }
  | { kind: 'done' }

const testTimeoutMs = 2000
// A survivor meets every test that covers it, so a slow one would cost more than it can prove.
const slowTestMs = 300

process.once('message', (job: Job) => {
  // A process that is hung says nothing; one that is busy does.
  setInterval(() => say({ kind: 'alive' }), 1000)
  perform(job).catch((error: unknown) => {
    say({ kind: 'broken', reason: error instanceof Error ? (error.stack ?? '') : String(error) })
  })
})

async function perform(job: Job): Promise<void> {
  const stage = openStage(job.root, job.files)
  const recorded: Recorded = { static: {}, perTest: {} }
  switches.mutantCoverage = recorded
  const tests = await stage.collect(job.testFiles)
  const coverage = job.coverage ?? (await measureCoverage(tests, recorded))
  delete switches.mutantCoverage
  if (!job.coverage) say({ kind: 'coverage', coverage })
  const isStatic = new Set(coverage.statics)
  for (const mutant of job.mutants) {
    say({ kind: 'begin', id: mutant.id })
    const covering = (coverage.tests[mutant.id] ?? []).flatMap((index) => tests[index] ?? [])
    if (covering.length === 0 && !isStatic.has(mutant.id)) {
      say({ kind: 'uncovered', id: mutant.id })
      continue
    }
    const isKilled =
      (await isKilledBy(mutant.id, covering)) ||
      (isStatic.has(mutant.id) && (await isKilledAtLoad(stage, mutant, job.testFiles)))
    say({ kind: isKilled ? 'killed' : 'survived', id: mutant.id })
  }
  say({ kind: 'done' })
}

type Recorded = { static: Record<string, number>; perTest: Record<string, Record<string, number>> }

// Cheap tests first: most mutants fall to the first one that looks at them.
async function measureCoverage(
  tests: readonly CollectedTest[],
  recorded: Recorded,
): Promise<Coverage> {
  const timed: { index: number; milliseconds: number }[] = []
  for (const [index, test] of tests.entries()) {
    switches.currentTestId = String(index)
    const startedAt = performance.now()
    const failure = await runBounded(test)
    const milliseconds = performance.now() - startedAt
    // Instrumented code is slow: a test that bounds time or steps may fail without a mutant.
    const why = failure === undefined ? 'slow' : 'fails when instrumented'
    const isUsable = failure === undefined && milliseconds < slowTestMs
    if (isUsable) timed.push({ index, milliseconds })
    else say({ kind: 'left out', test: `${test.file}: ${test.title} (${why})` })
  }
  switches.currentTestId = undefined
  const covering: Record<string, number[]> = {}
  for (const { index } of timed.toSorted((one, other) => one.milliseconds - other.milliseconds)) {
    for (const id of Object.keys(recorded.perTest[String(index)] ?? {})) {
      ;(covering[id] ??= []).push(index)
    }
  }
  return { tests: covering, statics: Object.keys(recorded.static) }
}

async function isKilledBy(id: string, tests: readonly CollectedTest[]): Promise<boolean> {
  switches.activeMutant = id
  try {
    for (const test of tests) if (await runBounded(test)) return true
    return false
  } finally {
    switches.activeMutant = undefined
  }
}

// Code that runs when its module is loaded: everything is loaded again with the mutant in force. The
// tests of its own room come first and are nearly always enough.
async function isKilledAtLoad(
  stage: ReturnType<typeof openStage>,
  mutant: { id: string; file: string },
  testFiles: readonly string[],
): Promise<boolean> {
  const room = mutant.file.split('/').slice(0, 2).join('/')
  const own = testFiles.filter(
    (file) => file.startsWith(`${room}/`) && !stage.filesWithHooks.has(file),
  )
  switches.activeMutant = mutant.id
  try {
    const tests = await stage.collect(own)
    for (const test of tests) if (await runBounded(test)) return true
    return false
  } catch {
    return true
  } finally {
    switches.activeMutant = undefined
  }
}

async function runBounded(test: CollectedTest): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<string>((done) => {
    timer = setTimeout(() => done('time-out'), testTimeoutMs)
  })
  try {
    return await Promise.race([test.run().then(() => undefined), timeout])
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}

function say(message: Message): void {
  process.send?.(message)
}
