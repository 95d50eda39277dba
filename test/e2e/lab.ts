// What the end-to-end tests share: one installation a file, steps of the bundled plugin on it, and
// how a refusal has to look to the person who reads the log.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before } from 'node:test'

import { faults, type FaultCode } from '../../src/core/fault.ts'
import { startInstallation, type Installation } from '../../src/demo/installation.ts'
import type { Finished } from '../../src/demo/program.ts'
import { fetchToken, runStep } from '../../src/demo/step.ts'
import { pushBuild, type LabBuild } from '../../src/lab/drone.ts'

/** The bundled plugin as a command. */
export const plugin = [process.execPath, resolve('dist/plugin.mjs')]

/** A test file's installation, and steps on it. */
export type E2e = {
  lab: () => Installation
  /** A fresh folder holding these files. */
  workspace: (files?: Record<string, string | Buffer>) => string
  /** A build that runs, known to the service by webhook; ids count up. */
  newBuild: (changes?: Partial<LabBuild>) => Promise<LabBuild>
  /** One step of the build: token fetched as a runner does, plugin run as a runner does. */
  step: (build: LabBuild, settings: Record<string, string>, cwd: string) => Promise<Finished>
  stepWith: (
    build: LabBuild,
    token: string,
    settings: Record<string, string>,
    cwd: string,
    command?: readonly string[],
  ) => Promise<Finished>
}

/** Starts an installation before the tests of a file and stops it after them. */
export function useInstallation(options: { accessTokenLifetimeSeconds?: number } = {}): E2e {
  const folder = mkdtempSync(join(tmpdir(), 'asd-e2e-'))
  let lab: Installation | undefined
  let lastId = 100
  let lastWorkspace = 0
  before(async () => {
    lab = await startInstallation({
      folder: join(folder, 'installation'),
      service: [process.execPath, resolve('dist/service.mjs')],
      now: () => new Date(),
      ...options,
    })
  })
  after(async () => {
    await lab?.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const running = () => {
    assert.ok(lab, 'the installation runs')
    return lab
  }
  const stepWith: E2e['stepWith'] = (build, token, settings, cwd, command = plugin) =>
    runStep(command, running(), build, token, { name: 'step', cwd, settings })
  return {
    lab: running,
    workspace: (files = {}) => {
      lastWorkspace += 1
      const path = join(folder, `workspace-${lastWorkspace}`)
      mkdirSync(path)
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name)), { recursive: true })
        writeFileSync(join(path, name), content)
      }
      return path
    },
    newBuild: async (changes = {}) => {
      lastId += 1
      const build = pushBuild(running().repository, {
        id: lastId,
        number: lastId,
        status: 'running',
        version: 2,
        ...changes,
      })
      await running().drone.sendWebhook(running().repository, build)
      return build
    },
    step: async (build, settings, cwd) => {
      const { token } = await fetchToken(running(), build)
      return stepWith(build, token, settings, cwd)
    },
    stepWith,
  }
}

/** The settings of an upload of everything in the workspace. */
export const uploadAll = (target: string) => ({ action: 'upload', source: '.', target })

/** Checks that a step ended as a person needs it: this code and exit, a sentence, what to do, no stack. */
export function assertRefused(finished: Finished, code: FaultCode, sentence: RegExp): void {
  const { output, exitCode } = finished
  assert.match(output, new RegExp(`\\b${code}\\b`), `names the code ${code}:\n${output}`)
  assert.match(output, sentence)
  assert.match(output, /what to do: \S/)
  assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+/, 'shows no stack')
  assert.equal(exitCode, faults[code].exit, output)
}

/** All files below a folder, as relative paths, temporary ones included. */
export function listAll(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted()
}
