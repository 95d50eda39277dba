// Makes the mutants: Stryker's instrumenter puts every change of every file into the code at once,
// behind a switch, so that one process can try them all.
import { readFileSync } from 'node:fs'

import { Instrumenter } from '@stryker-mutator/instrumenter'

/** One change of the code, named by where it is and what it puts there. */
export type Mutant = {
  id: string
  file: string
  line: number
  mutator: string
  replacement: string
}

/** The instrumented files by path, and their mutants. */
export type Instrumented = { files: Record<string, string>; mutants: Mutant[] }

// Changes of messages for people prove nothing about trust; codes and decisions do.
const excludedMutations = ['StringLiteral']

const silent = () => undefined
const logger = {
  isTraceEnabled: () => false,
  isDebugEnabled: () => false,
  isInfoEnabled: () => false,
  isWarnEnabled: () => false,
  isErrorEnabled: () => false,
  isFatalEnabled: () => false,
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  fatal: silent,
}

/** Instruments these files. */
export async function instrument(paths: readonly string[]): Promise<Instrumented> {
  const sources = paths.map((name) => ({
    name,
    content: readFileSync(name, 'utf8'),
    mutate: true as const,
  }))
  const { files, mutants } = await new Instrumenter(logger).instrument(sources, {
    plugins: null,
    excludedMutations,
    ignorers: [],
  })
  return {
    files: Object.fromEntries(files.map(({ name, content }) => [name, content])),
    // Excluded ones come along, with the reason why they are ignored.
    mutants: mutants
      .filter(({ status }) => status !== 'Ignored')
      .map(({ id, fileName, location, mutatorName, replacement }) => ({
        id,
        file: fileName,
        line: location.start.line + 1,
        mutator: mutatorName,
        replacement: replacement.replaceAll(/\s+/g, ' ').slice(0, 120),
      })),
  }
}
