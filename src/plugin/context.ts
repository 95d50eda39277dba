// Which build and step this is, as the CI system says in variables of the step: DRONE_* of Drone and
// Harness, CI_* of Woodpecker. Whoever writes the step can set them, so they are labels and prove nothing.
import type { Environment } from './settings.ts'

/** What a step is called; texts are empty when nobody says. */
export type BuildContext = {
  repository: string
  buildNumber: string
  event: string
  step: string
  /** Page of the build. */
  link: string
}

const variables: Readonly<Record<keyof BuildContext, readonly [drone: string, ci: string]>> = {
  repository: ['DRONE_REPO', 'CI_REPO'],
  buildNumber: ['DRONE_BUILD_NUMBER', 'CI_PIPELINE_NUMBER'],
  event: ['DRONE_BUILD_EVENT', 'CI_PIPELINE_EVENT'],
  step: ['DRONE_STEP_NAME', 'CI_STEP_NAME'],
  link: ['DRONE_BUILD_LINK', 'CI_PIPELINE_URL'],
}

/** Reads the labels, Drone's names first. */
export function readContext(env: Environment): BuildContext {
  const read = (name: keyof BuildContext) =>
    variables[name].map((variable) => env[variable]).find((value) => value) ?? ''
  return {
    repository: read('repository'),
    buildNumber: read('buildNumber'),
    event: read('event'),
    step: read('step'),
    link: read('link'),
  }
}
