// The example pipelines, run: every step of ours in order, as a process of the shipped plugin against the
// lab, in a workspace with files as the other steps of the pipeline would leave them.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

import { parseAllDocuments } from 'yaml'

import { copyPrograms } from '../kill/part.ts'
import { type MatrixLab, startMatrixLab } from '../matrix/lab.ts'
import { isMap, toVariables, type Yaml } from './pipelines.ts'

/** What became of them; `parts` are steps that ran, and `notRun` pipelines without a step of ours. */
export type ExampleReport = {
  examples: number
  steps: number
  notRun: string[]
  problems: string[]
}

// What the build leaves for the steps, and what has to be in the workspace at the end.
const files: Readonly<Record<string, { before: readonly string[]; after?: readonly string[] }>> = {
  'static-site': { before: ['public/index.html', 'public/assets/app.1.js', 'public/feed.json'] },
  go: { before: ['dist/hello-linux-amd64', 'dist/hello-linux-arm64', 'dist/SHA256SUMS'] },
  node: {
    before: ['dist/app.js', 'dist/app.js.map', 'reports/junit.xml'],
    after: ['upload.env', 'upload.env.json'],
  },
  java: {
    before: ['core/target/core.jar', 'web/target/web.jar', 'web/target/web-sources.jar'],
    after: ['jars/core.jar', 'jars/web.jar'],
  },
  matrix: { before: ['out/hello'], after: ['all/linux-amd64/hello', 'all/linux-arm64/hello'] },
  mobile: { before: ['app/build/outputs/apk/release/app-release.apk'] },
  terraform: { before: [] },
}

const variables: Readonly<Record<string, string>> = {
  DRONE_BUILD_NUMBER: '7',
  DRONE_COMMIT_SHA: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
  DRONE_TAG: 'v1.2.0',
}

/** Runs all of them in one lab below `folder`. */
export async function runExamples(folder: string): Promise<ExampleReport> {
  const report: ExampleReport = { examples: 0, steps: 0, notRun: [], problems: [] }
  const programs = copyPrograms(join(folder, 'dist'))
  const lab = await startMatrixLab(join(folder, 'lab'), { programs })
  try {
    for (const file of globSync('examples/*/.drone.yml').toSorted()) {
      const name = basename(dirname(file))
      const steps = ownSteps(readFileSync(file, 'utf8'))
      report.examples += 1
      if (steps.length === 0) report.notRun.push(name)
      report.problems.push(...(await runExample(lab, name, steps)))
      report.steps += steps.length
    }
  } finally {
    await lab.close()
  }
  return report
}

async function runExample(lab: MatrixLab, name: string, steps: readonly Yaml[]): Promise<string[]> {
  const known = files[name]
  if (!known) return [`${name}: say in suites/docs/examples.ts what its build leaves`]
  const cwd = lab.workspace(Object.fromEntries(known.before.map((path) => [path, `${path}\n`])))
  for (const step of steps) {
    const { exitCode, output } = await lab.step(settingsOf(lab, step), cwd)
    if (exitCode !== 0)
      return [`${name}: ${String(step['name'])} ended with ${exitCode}: ${output}`]
  }
  return (known.after ?? [])
    .filter((path) => !existsSync(join(cwd, path)))
    .map((path) => `${name}: ${path} is not there at the end`)
}

// The lab's container and share stand in for those of the example; the token is the lab's.
function settingsOf(lab: MatrixLab, { settings }: Yaml): Record<string, string> {
  const { token: _, account: __, container: ___, share, ...rest } = isMap(settings) ? settings : {}
  const place = share === undefined ? lab.blob : lab.shares
  const given = Object.entries(toVariables(rest, replaceVariables)).map(
    ([variable, value]) => [variable.slice('PLUGIN_'.length).toLowerCase(), value] as const,
  )
  return { ...Object.fromEntries(given), ...place.settings }
}

function replaceVariables(text: string): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = variables[name]
    if (value === undefined) throw new Error(`no example may use ${name}: it has no value here`)
    return value
  })
}

function ownSteps(text: string): Yaml[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Yaml)
    .flatMap(({ steps }) => (Array.isArray(steps) ? steps : []))
    .filter((step): step is Yaml => isMap(step) && step['image'] === 'azure-storage-drone')
}
