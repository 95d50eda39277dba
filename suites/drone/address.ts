// The harness on a Drone that runs already: the replay's programs are started as an administrator would start
// Drone's, told what docs/e2e.md says, and then named by their address alone.
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { chooseDrone } from '../../e2e/drone/choice.ts'
import { startDroneLab } from '../../e2e/drone/installation.ts'
import { startPrograms } from '../../e2e/drone/programs.ts'
import { plantSeed } from '../../e2e/drone/scenario.ts'
import { buildScenarios } from '../../e2e/drone/scenarios-builds.ts'
import { findFreePorts } from '../../src/demo/program.ts'
import { names } from '../../src/demo/trust-service.ts'

/** Plays the first scenario on such a Drone; throws what went wrong. */
export async function playByAddress({
  folder,
  programs,
}: {
  folder: string
  programs: string
}): Promise<void> {
  mkdirSync(folder)
  const [port = 0, runnerPort = 0, tapPort = 0, scmPort = 0] = await findFreePorts(4)
  const secret = () => randomBytes(32).toString('hex')
  const scm = { clientId: secret(), clientSecret: secret(), url: `http://127.0.0.1:${scmPort}` }
  const tokens = { userToken: secret(), runnerToken: secret(), webhookSecret: secret() }
  const replay = chooseDrone({})
  if (replay.kind !== 'replay') throw new Error('an empty environment names no Drone')
  const drone = await startPrograms(replay, {
    folder,
    port,
    runnerPort,
    scm,
    ...tokens,
    ciUrl: `http://127.0.0.1:${tapPort}`,
    instance: names.instance,
    runner: names.runner,
    dockerHost: '',
    more: { REPLAY_PLUGIN: join(programs, 'plugin.mjs'), REPLAY_FOLDER: folder },
  })
  try {
    const choice = chooseDrone({
      DRONE_SERVER_URL: drone.url,
      DRONE_TOKEN: tokens.userToken,
      DRONE_E2E_RUNNER_TOKEN: tokens.runnerToken,
      DRONE_E2E_WEBHOOK_SECRET: tokens.webhookSecret,
      DRONE_E2E_CLIENT_ID: scm.clientId,
      DRONE_E2E_CLIENT_SECRET: scm.clientSecret,
      DRONE_E2E_TAP_PORT: String(tapPort),
      DRONE_E2E_SCM_PORT: String(scmPort),
      DRONE_E2E_PLUGIN_IMAGE: 'plugin:1',
      DRONE_E2E_SHELL_IMAGE: 'shell:1',
    })
    const lab = await startDroneLab(choice, { folder: join(folder, 'lab'), programs })
    try {
      await plantSeed(lab)
      await buildScenarios[0]?.play(lab)
    } finally {
      await lab.close()
    }
  } finally {
    await drone.stop()
  }
}
