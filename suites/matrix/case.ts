// A row of the feature matrix as a case: run once, or for each service it holds for, in a folder and
// under a prefix of its own.
import assert from 'node:assert/strict'

import { messageOf } from '../../src/core/fault.ts'
import type { Finished } from '../../src/demo/program.ts'
import type { SuiteResult } from '../suite.ts'
import type { MatrixLab } from './lab.ts'
import type { Place } from './place.ts'

/** What a case works with. */
export type Scene = {
  lab: MatrixLab
  place: Place
  /** A folder in the container or share that no other case uses. */
  root: string
  workspace: MatrixLab['workspace']
  /** A step on the place of the case. */
  step: (
    settings: Readonly<Record<string, string>>,
    cwd: string,
    env?: Readonly<Record<string, string>>,
  ) => Promise<Finished>
  /** The same when it must end well; its log. */
  fine: (
    settings: Readonly<Record<string, string>>,
    cwd: string,
    env?: Readonly<Record<string, string>>,
  ) => Promise<string>
  /** The same when it must fail: this exit code, and this code in the log. */
  refused: (
    settings: Readonly<Record<string, string>>,
    cwd: string,
    expected: { exit: number; code: string },
  ) => Promise<string>
}

/** A row, verbatim, and what must hold; `aspect` tells several cases of a row apart. */
export type Case = {
  row: string
  aspect?: string
  /** `once` is run with the Blob place and counted without a service. */
  on: 'both' | 'blob' | 'files' | 'once'
  run: (scene: Scene) => Promise<void>
}

/** A row that is not claimed, and why. */
export type Unclaimed = { row: string; why: string }

/** Runs cases one after another, counting each; returns names with seconds for the report. */
export async function runCases(
  lab: MatrixLab,
  cases: readonly Case[],
  places: readonly Place['service'][] | 'once',
  result: SuiteResult,
  isWanted: (name: string) => boolean,
): Promise<void> {
  for (const each of cases) {
    for (const place of placesOf(lab, each, places)) {
      const name = nameOf(each, place)
      if (!isWanted(name)) continue
      const startedAt = performance.now()
      try {
        await each.run(sceneOf(lab, place, name))
        result.passed += 1
        result.notes.push(`passed: ${name} (${seconds(startedAt)})`)
      } catch (error) {
        result.failed += 1
        result.notes.push(`failed: ${name} (${seconds(startedAt)}): ${messageOf(error)}`)
      }
    }
  }
}

function placesOf(
  { blob, shares }: MatrixLab,
  { on }: Case,
  places: readonly Place['service'][] | 'once',
): Place[] {
  if (places === 'once') return on === 'once' ? [blob] : []
  return [blob, shares].filter(
    ({ service }) => places.includes(service) && (on === 'both' || on === service),
  )
}

function nameOf({ row, aspect, on }: Case, { title }: Place): string {
  const service = on === 'once' ? '' : ` (${title})`
  return `${row}${service}${aspect === undefined ? '' : `: ${aspect}`}`
}

function sceneOf(lab: MatrixLab, place: Place, name: string): Scene {
  // Names of cases differ, so do these.
  const root = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')
  const step: Scene['step'] = (settings, cwd, env) =>
    lab.step({ ...place.settings, ...settings }, cwd, env)
  return {
    lab,
    place,
    root,
    workspace: lab.workspace,
    step,
    fine: async (settings, cwd, env) => {
      const { exitCode, output } = await step(settings, cwd, env)
      assert.equal(exitCode, 0, output)
      return output
    },
    refused: async (settings, cwd, { exit, code }) => {
      const { exitCode, output } = await step(settings, cwd)
      assert.equal(exitCode, exit, output)
      assert.match(output, new RegExp(`^code ${code}, exit ${exit}$`, 'm'))
      assert.match(output, /^what to do: \S/m)
      return output
    },
  }
}

function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
}
