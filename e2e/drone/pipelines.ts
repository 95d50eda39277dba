import type { DroneLab } from './installation.ts'
import { share, type Ours } from './ours.ts'
// Pipelines of the scenarios: steps of the plugin's image on the host's network, with the lab's CA mounted
// where it lies, so that the same file runs in containers and in the replay's processes.
import { entries } from './policy.ts'

/** A step of the plugin, or of a shell when it has commands. */
export type PlannedStep = {
  name: string
  settings?: Readonly<Record<string, unknown>>
  environment?: Readonly<Record<string, unknown>>
  commands?: readonly string[]
}

/** The name in a pipeline of the secret that holds the request token. */
export const token = { from_secret: 'azure_token' }

/** A `.drone.yml` of these steps; its secret is the token for this policy entry. */
export function pipelineOf(
  { images, ours }: Pick<DroneLab, 'images' | 'ours'>,
  steps: readonly PlannedStep[],
  entry: string = entries.push,
): string {
  const pipeline = {
    kind: 'pipeline',
    type: 'docker',
    name: 'default',
    clone: { disable: true },
    steps: steps.map((step) => ({
      ...step,
      image: step.commands ? images.shell : images.plugin,
      pull: 'never',
      network_mode: 'host',
      volumes: [{ name: 'ca', path: ours.caFolder }],
    })),
    volumes: [{ name: 'ca', host: { path: ours.caFolder } }],
  }
  const secret = { kind: 'secret', name: token.from_secret, get: { path: 'azure', name: entry } }
  return [pipeline, secret]
    .map((document) => `---\n${JSON.stringify(document, null, 2)}\n`)
    .join('')
}

/** Where a build of this commit writes to, below its repository's prefix. */
export const ownPlace = (at: string) => `octo/hello/${at}`

/** What each commit writes to, as a pipeline spells it. */
export const commitPlace = ownPlace('${DRONE_COMMIT_SHA}')

/** A step that fetches the files every scenario begins with into `in`. */
export function fetchSeed(
  { blob }: Ours,
  more: Readonly<Record<string, unknown>> = { token },
): PlannedStep {
  return {
    name: 'fetch',
    settings: {
      ...blob,
      action: 'download',
      source: `${ownPlace('seed')}/`,
      target: 'in',
      ...more,
    },
  }
}

/** A step that puts them where the commit's files go. */
export function publish({ blob }: Ours, more: Readonly<Record<string, unknown>> = {}): PlannedStep {
  return {
    name: 'publish',
    settings: { ...blob, token, action: 'upload', source: 'in', target: commitPlace, ...more },
  }
}

/** Settings of a step on Azure Files. */
export function onShare({ shared, files }: Ours): Record<string, unknown> {
  return { ...shared, token, share, endpoint: files.endpointOf(shared['account'] ?? '') }
}
