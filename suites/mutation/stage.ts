// Where mutants play: module hooks that serve instrumented code, and a stand-in for node:test that
// collects tests instead of running them. A generation is one fresh evaluation of all modules, for
// mutants in code that runs when a module is loaded.
import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A collected test. */
export type CollectedTest = { file: string; title: string; run: () => Promise<void> }

/** What Stryker's instrumentation reads and writes. */
export type Switches = {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  mutantCoverage?: {
    static: Record<string, number>
    perTest: Record<string, Record<string, number>>
  }
}

type Body = (context: TestContext) => unknown
type TestContext = { after: (work: () => unknown) => void; test: Collect }
type Collect = (title: string, body: Body) => Promise<void>

type Hook = (work: () => unknown) => void
type Collector = { test: Collect; before: Hook; after: Hook; describe: typeof describe }

const globals = globalThis as unknown as { __stryker__: Switches; collector: Collector }

const describe = (_: string, body: () => void): void => body()

/** The switches of this process. */
export const switches: Switches = (globals.__stryker__ = {})

const collectorUrl =
  'data:text/javascript,export const { test, before, after, describe } = globalThis.collector'

/** Installs the hooks; everything below `root` is evaluated anew for each generation. */
export function openStage(root: string, files: Readonly<Record<string, string>>) {
  const base = pathToFileURL(`${resolve(root)}/`).href
  const served = new Map(Object.entries(files).map(([path, code]) => [base + path, code]))
  let generation = 0
  const filesWithHooks = new Set<string>()
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === 'node:test')
        return { url: `${collectorUrl}//${context.parentURL}`, shortCircuit: true }
      const found = next(specifier, context)
      const isOurs = found.url.startsWith(base) && !found.url.includes('/node_modules/')
      return isOurs && !found.url.includes('?')
        ? { ...found, url: `${found.url}?g=${generation}` }
        : found
    },
    load: (url, context, next) => {
      const source = served.get(url.split('?')[0] ?? '')
      return source === undefined
        ? next(url, context)
        : { format: 'module-typescript', source, shortCircuit: true }
    },
  })
  return {
    /** Evaluates these test files in a fresh generation and gives their tests; `after` hooks never run. */
    collect: async (testFiles: readonly string[]): Promise<CollectedTest[]> => {
      generation += 1
      const tests: CollectedTest[] = []
      for (const file of testFiles) {
        const befores: (() => unknown)[] = []
        globals.collector = {
          test: async (title, body) => {
            tests.push({ file, title, run: () => runBody(body) })
          },
          before: (work) => {
            befores.push(work)
            filesWithHooks.add(file)
          },
          after: () => undefined,
          describe,
        }
        await import(`${base}${file}?g=${generation}`)
        for (const work of befores) await work()
      }
      return tests
    },
    /** Test files that start servers and the like: too dear to be evaluated for every mutant. */
    filesWithHooks: filesWithHooks as ReadonlySet<string>,
  }
}

async function runBody(body: Body): Promise<void> {
  const afterwards: (() => unknown)[] = []
  const context: TestContext = {
    after: (work) => void afterwards.push(work),
    test: (_, inner) => runBody(inner),
  }
  try {
    await body(context)
  } finally {
    for (const work of afterwards.toReversed()) await work()
  }
}
