// One plugin step of a build, played as a docker runner does: the secret is asked for at compile
// time, then the bundled plugin runs as a process with only the variables of a Drone step.
import { Fault, isFaultCode } from '../core/fault.ts'
import { stepEnvironment, type LabBuild } from '../lab/drone.ts'
import type { Running } from './installation.ts'
import { runProgram, type Finished } from './program.ts'
import { names } from './trust-service.ts'

/** What a step is: its name, its workspace, its settings beside those of the installation. */
export type StepPlan = { name: string; cwd: string; settings: Record<string, string> }

/** What came of it. */
export type PlayedStep = Finished & { answerStatus: number; token: string }

/** Fetches the token a runner would fetch for a `from_secret`. */
export async function fetchToken(
  lab: Pick<Running, 'drone' | 'repository'>,
  build: LabBuild,
  entry: string = names.entry,
): Promise<{ answerStatus: number; token: string }> {
  const answer = await lab.drone.requestSecret(lab.repository, build, entry)
  if (answer.status !== 200) return { answerStatus: answer.status, token: '' }
  const { data } = JSON.parse(answer.body) as { data: string }
  return { answerStatus: answer.status, token: data }
}

/** Runs the plugin with this token. */
export function runStep(
  plugin: readonly string[],
  lab: Running,
  build: LabBuild,
  token: string,
  plan: StepPlan,
  onOutput?: (text: string) => void,
): Promise<Finished> {
  const settings = lab.settings(token, plan.settings)
  return runProgram(plugin, {
    cwd: plan.cwd,
    env: stepEnvironment(lab.repository, build, plan.name, settings),
    ...(onOutput === undefined ? {} : { onOutput }),
  })
}

/** Throws the fault a step ended with, so that whoever ran it ends the same way. */
export function throwIfFailed(name: string, { exitCode, output }: Finished): void {
  if (exitCode === 0) return
  const code = /\bcode ([a-z_]+)/.exec(output)?.[1] ?? ''
  const sentence = `The ${name} step ended with exit code ${exitCode}.`
  throw new Fault(isFaultCode(code) ? code : 'demo_failed', `${sentence}\n${output.trim()}`)
}
