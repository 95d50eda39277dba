// Where mutants play: module hooks that serve instrumented code, and a stand-in for node:test that
// collects tests instead of running them. A generation is a fresh evaluation of every module that
// depends on one file, for mutants in code that runs when a module is loaded.
import { readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** A collected test. */
export type CollectedTest = { file: string; title: string; run: () => Promise<void> }

/** What Stryker's instrumentation reads and writes. */
export type Switches = {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  /** How often the active mutant was reached; past the limit it throws, which ends endless loops. */
  hitCount?: number | undefined
  hitLimit?: number
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

/** Installs the hooks. */
export function openStage(root: string, files: Readonly<Record<string, string>>) {
  const base = pathToFileURL(`${resolve(root)}/`).href
  const served = new Map(Object.entries(files).map(([path, code]) => [base + path, code]))
  const stripped = new Map<string, string>()
  const importers = new Map<string, Set<string>>()
  const filesWithHooks = new Set<string>()
  let generation = 1
  let isFresh: (url: string) => boolean = () => false
  const isOurs = (url: string) => url.startsWith(base) && !url.includes('/node_modules/')
  const stamped = (url: string) => `${url}?g=${isFresh(url) ? generation : 1}`

  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === 'node:test')
        return { url: `${collectorUrl}//${context.parentURL}`, shortCircuit: true }
      const found = next(specifier, context)
      if (!isOurs(found.url)) return found
      const [url = ''] = found.url.split('?')
      const [parent = ''] = (context.parentURL ?? '').split('?')
      importers.set(url, (importers.get(url) ?? new Set()).add(parent))
      return found.url === url ? { ...found, url: stamped(url) } : found
    },
    load: (address, context, next) => {
      const [url = ''] = address.split('?')
      if (!isOurs(url) || !url.endsWith('.ts')) return next(address, context)
      const source =
        stripped.get(url) ??
        stripTypeScriptTypes(served.get(url) ?? readFileSync(fileURLToPath(url), 'utf8'))
      stripped.set(url, source)
      return { format: 'module', source, shortCircuit: true }
    },
  })

  /** What depends on a file, itself included, by the number of imports between. */
  const dependentsOf = (file: string): Map<string, number> => {
    const distances = new Map([[base + file, 0]])
    for (const [url, distance] of distances) {
      for (const importer of importers.get(url) ?? []) {
        if (!distances.has(importer)) distances.set(importer, distance + 1)
      }
    }
    return distances
  }

  return {
    /** Evaluates one test file and gives its tests; `after` hooks never run. */
    collect: async (file: string): Promise<CollectedTest[]> => {
      const tests: CollectedTest[] = []
      const befores: (() => unknown)[] = []
      globals.collector = {
        test: async (title, body) => void tests.push({ file, title, run: () => runBody(body) }),
        before: (work) => {
          befores.push(work)
          filesWithHooks.add(file)
        },
        after: () => undefined,
        describe,
      }
      await import(stamped(base + file))
      for (const work of befores) await work()
      return tests
    },
    /** Begins a generation in which all that depends on this file is evaluated anew. */
    renew: (file: string): void => {
      const dependents = dependentsOf(file)
      generation += 1
      isFresh = (url) => dependents.has(url)
    },
    /** Test files that depend on a file, nearest first, without those that start servers. */
    testsOf: (file: string, testFiles: readonly string[]): string[] => {
      const dependents = dependentsOf(file)
      const stem = file.replace(/\.ts$/, '')
      const rank = (test: string) =>
        test.startsWith(stem) ? 0 : (dependents.get(base + test) ?? Infinity)
      return testFiles
        .filter((test) => dependents.has(base + test) && !filesWithHooks.has(test))
        .toSorted((one, other) => rank(one) - rank(other))
    },
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
