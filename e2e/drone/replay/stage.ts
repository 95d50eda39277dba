// One stage from its extensions to its end, in the order and with the precedence of variables that
// facts/drone.md §2 tells of the docker runner.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { buildEnvironment, toPluginVariables } from '../../../src/lab/drone-environment.ts'
import type { Extensions } from './extensions.ts'
import { maskLines, splitLog } from './log.ts'
import { parsePipeline, secretNameOf, type Pipeline, type ReplayStep } from './pipeline.ts'
import { type Ran, runProcess, type StepScene } from './process.ts'
import type { WireDetails, WireStage, WireStep } from './wire.ts'

/** What a runner runs a stage with. */
export type StageDeps = {
  extensions: Extensions
  /** Runs the plugin's image, or what stands for it. */
  runPlugin: (scene: StepScene) => Promise<Ran>
  folder: string
  machine: string
  updateStage: (stage: WireStage) => Promise<WireStage>
  updateStep: (step: WireStep) => Promise<WireStep>
  uploadLog: (step: WireStep, lines: unknown) => Promise<void>
  uploadCard: (step: WireStep, card: unknown) => Promise<void>
}

/** Runs it to its end; a failed step ends the stage. */
export async function runStage(deps: StageDeps, details: WireDetails): Promise<void> {
  const { build, repository, config } = details
  const words = buildEnvironment(repository, build, { name: '', number: 0 })
  const pipeline = parsePipeline(config.data, words)
  const globals = await deps.extensions.environ(details)
  // All of them before the first step, also those of steps that will not run.
  const resolved: ResolvedStep[] = []
  for (const step of pipeline.steps) {
    resolved.push(await resolveStep(deps.extensions, details, pipeline, step))
  }
  const stage = await deps.updateStage({
    ...details.stage,
    machine: deps.machine,
    status: 'running',
    steps: pipeline.steps.map((step, index) => newStep(step, index + 1)),
  })
  const play: StagePlay = {
    details,
    workspace: mkdtempSync(join(deps.folder, 'workspace-')),
    first: {
      ...toVariables(globals.filter(({ mask }) => !mask)),
      ...build.params,
      ...toTexts(pipeline.environment),
    },
    last: toVariables(globals.filter(({ mask }) => mask)),
    masks: [
      ...globals.filter(({ mask }) => mask).map(({ data }) => data),
      ...resolved.flatMap(({ secrets }) => secrets),
    ],
  }
  const done: WireStep[] = []
  for (const [index, step] of resolved.entries()) {
    const known = stage.steps?.[index]
    if (!known) throw new Error(`the server has no step ${index + 1}`)
    const isOver = done.some(({ status }) => status === 'failure')
    done.push(
      isOver
        ? await deps.updateStep({ ...known, status: 'skipped' })
        : await runStep(deps, play, step, known),
    )
  }
  rmSync(play.workspace, { recursive: true, force: true })
  const isFailed = done.some(({ status }) => status === 'failure')
  await deps.updateStage({ ...stage, steps: done, status: isFailed ? 'failure' : 'success' })
}

type StagePlay = {
  details: WireDetails
  workspace: string
  /** Variables that all others win over, and those that win over all others. */
  first: Record<string, string>
  last: Record<string, string>
  masks: readonly string[]
}

async function runStep(
  deps: StageDeps,
  { details, workspace, first, last, masks }: StagePlay,
  step: ResolvedStep,
  known: WireStep,
): Promise<WireStep> {
  const running = await deps.updateStep({ ...known, status: 'running', started: nowSeconds() })
  const { repository, build, netrc } = details
  const words = buildEnvironment(repository, build, known)
  const env = {
    ...first,
    ...words,
    DRONE_NETRC_MACHINE: netrc.machine,
    DRONE_NETRC_USERNAME: netrc.login,
    DRONE_NETRC_PASSWORD: netrc.password,
    DRONE_NETRC_FILE: `machine ${netrc.machine} login ${netrc.login} password ${netrc.password}`,
    ...step.environment,
    // These a step cannot set itself; those of the repository it can.
    ...pick(words, /^DRONE_(BUILD|STAGE|STEP)_/),
    ...toPluginVariables(step.settings),
    ...last,
  }
  const scene = { cwd: workspace, env }
  const { exitCode, output } =
    step.commands.length > 0
      ? await runProcess(['/bin/sh', '-ec', step.commands.join('\n')], scene)
      : await deps.runPlugin(scene)
  const { text, card } = splitLog(output)
  await deps.uploadLog(running, toLines(maskLines(text, masks)))
  if (card) await deps.uploadCard(running, card)
  return deps.updateStep({
    ...running,
    status: exitCode === 0 ? 'success' : 'failure',
    exit_code: exitCode,
    stopped: nowSeconds(),
    ...(card && { schema: card.schema }),
  })
}

// A step whose references are what they stand for: each was asked for on its own.
type ResolvedStep = {
  settings: Record<string, unknown>
  environment: Record<string, string>
  commands: readonly string[]
  secrets: readonly string[]
}

async function resolveStep(
  extensions: Extensions,
  details: WireDetails,
  pipeline: Pipeline,
  step: ReplayStep,
): Promise<ResolvedStep> {
  const secrets: string[] = []
  const resolve = async (values: Readonly<Record<string, unknown>>) => {
    const found: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(values)) {
      const name = secretNameOf(value)
      const get = name === undefined ? undefined : pipeline.secrets.get(name)
      if (get) secrets.push(await extensions.secret(details, get))
      found[key] = name === undefined ? value : get ? secrets.at(-1) : ''
    }
    return found
  }
  const environment = toTexts(await resolve(step.environment))
  const settings = await resolve(step.settings)
  return { settings, environment, commands: step.commands, secrets }
}

function toTexts(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]))
}

function pick(variables: Readonly<Record<string, string>>, wanted: RegExp): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => wanted.test(name)))
}

function toVariables(list: readonly { name: string; data: string }[]): Record<string, string> {
  return Object.fromEntries(list.map(({ name, data }) => [name, data]))
}

function newStep({ name, image }: ReplayStep, number: number): WireStep {
  return { id: 0, step_id: 0, number, name, image, status: 'pending', exit_code: 0 }
}

function toLines(text: string): { pos: number; out: string; time: number }[] {
  const lines = text.split(/(?<=\n)/).filter((line) => line !== '')
  return lines.map((out, pos) => ({ pos, out, time: 0 }))
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
