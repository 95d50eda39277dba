// The scripted installation of Woodpecker: the lab's server, which asks our service with real signatures, and
// an agent that runs plugin steps as processes with the variables of a Woodpecker step (facts/drone.md §5).
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Secret } from '../../src/core/secret.ts'
import { type Finished, runProgram } from '../../src/demo/program.ts'
import type { LabAuthority } from '../../src/lab/authority.ts'
import { toPluginVariables } from '../../src/lab/drone-environment.ts'
import type { LabPipeline } from '../../src/lab/woodpecker-json.ts'
import {
  giveSecret,
  type LabRun,
  type LabWoodpecker,
  startWoodpecker,
} from '../../src/lab/woodpecker.ts'

/** A Woodpecker with one repository. */
export type Wood = {
  url: string
  userToken: string
  image: string
  server: LabWoodpecker
  /** A hook, a cron job or a person makes a pipeline. */
  create: (changes?: Partial<LabPipeline>) => Promise<LabRun>
  /** What a step of the plugin gets for `azure_<entry>`. */
  tokenFor: (run: LabRun, entry: string) => string
  /** Runs the plugin as one of its steps. */
  step: (run: LabRun, settings: Readonly<Record<string, unknown>>) => Promise<Finished>
  /** What the steps have printed. */
  logs: () => string
  close: () => Promise<void>
}

const image = 'octo/azure-storage-drone'
const repository = {
  id: 9,
  forge_id: 1,
  forge_remote_id: '4711',
  full_name: 'octo/hello',
  timeout: 60,
}

/** Starts it; its extension is our service's door, which need not listen yet. */
export async function startWood(
  authority: LabAuthority,
  { ciUrl, plugin }: { ciUrl: string; plugin: string },
): Promise<Wood> {
  const userToken = randomBytes(16).toString('hex')
  const server = await startWoodpecker(
    { authority },
    {
      userToken: new Secret(userToken),
      extension: { url: `${ciUrl}/wood/woodpecker/secrets` },
      now: () => new Date(),
    },
  )
  const logs: string[] = []
  return {
    url: server.url,
    userToken,
    image,
    server,
    create: (changes) => server.create(repository, changes),
    tokenFor: (run, entry) =>
      giveSecret(run, { image: `${image}:1`, isPlugin: true }, `azure_${entry}`),
    step: async ({ pipeline }, settings) => {
      const cwd = mkdtempSync(join(tmpdir(), 'asd-wood-'))
      const env = { ...stepVariables(pipeline), ...toPluginVariables(settings) }
      const finished = await runProgram([process.execPath, plugin], { cwd, env })
      rmSync(cwd, { recursive: true })
      logs.push(finished.output)
      return finished
    },
    logs: () => logs.join(''),
    close: server.close,
  }
}

function stepVariables({ number, event, commit, ref }: LabPipeline): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: '/root',
    CI: 'woodpecker',
    CI_REPO: repository.full_name,
    CI_COMMIT_SHA: commit,
    CI_COMMIT_REF: ref,
    CI_PIPELINE_NUMBER: String(number),
    CI_PIPELINE_EVENT: event,
    CI_WORKFLOW_NAME: 'default',
    CI_STEP_NAME: 'fetch',
    CI_STEP_NUMBER: '1',
  }
}
