// What a Woodpecker's pipelines get: the same policy, asked before approval and again at every restart
// (facts/drone.md §5).
import assert from 'node:assert/strict'

import type { LabPipeline } from '../../src/lab/woodpecker-json.ts'
import type { LabRun } from '../../src/lab/woodpecker.ts'
import type { DroneLab } from './installation.ts'
import { ownPlace } from './pipelines.ts'
import { cronJob, entries, environment } from './policy.ts'
import type { Scenario } from './scenario.ts'

const fetchWith = ({ ours, wood }: DroneLab, run: LabRun, entry: string) =>
  wood.step(run, {
    ...ours.blob,
    token: wood.tokenFor(run, entry),
    action: 'download',
    source: `${ownPlace('seed')}/`,
    target: 'in',
  })

// A pipeline that an agent runs.
async function runPipeline({ wood }: DroneLab, changes?: Partial<LabPipeline>): Promise<LabRun> {
  const run = await wood.create(changes)
  wood.server.start(run.pipeline)
  return run
}

const works = (name: string, entry: string, changes: Partial<LabPipeline>): Scenario => ({
  name,
  play: async (lab) => {
    const run = await runPipeline(lab, changes)
    const { exitCode, output } = await fetchWith(lab, run, entry)
    assert.equal(exitCode, 0, output)
    lab.wood.server.finish(run.pipeline, 'success')
  },
})

async function assertRefused(
  lab: DroneLab,
  run: LabRun,
  { entry, code, sentence }: { entry: string; code: string; sentence: RegExp },
): Promise<void> {
  const { exitCode, output } = await fetchWith(lab, run, entry)
  assert.match(output, new RegExp(`\\b${code}\\b`))
  assert.match(output, sentence)
  assert.equal(exitCode, 3, output)
}

/** Pipelines by kind. */
export const woodpeckerScenarios: readonly Scenario[] = [
  works('Woodpecker: a push gets what pushes get', entries.push, {}),
  works('Woodpecker: a cron job gets the identity of its name', entries.nightly, {
    event: 'cron',
    cron: cronJob,
  }),
  works('Woodpecker: a deployment gets the identity of its environment', entries.deploy, {
    event: 'deployment',
    deploy_to: environment,
  }),
  {
    name: 'Woodpecker: a pull request from a fork waits for approval, and is refused after it',
    play: async (lab) => {
      const fork = { event: 'pull_request', ref: 'refs/pull/7/head', from_fork: true }
      const { pipeline } = await lab.wood.create(fork)
      const run = await lab.wood.server.approve(pipeline)
      lab.wood.server.start(pipeline)
      const refusal = { entry: entries.review, code: 'policy_fork_denied', sentence: /fork/ }
      await assertRefused(lab, run, refusal)
    },
  },
  {
    name: 'Woodpecker: a token counts only while its pipeline runs',
    play: async (lab) => {
      const run = await lab.wood.create()
      const token = lab.wood.tokenFor(run, entries.push)
      assert.equal((await lab.ours.exchange(token)).code, 'issuer_build_not_running')
      lab.wood.server.start(run.pipeline)
      await awaitCode(lab, token, '')
      lab.wood.server.finish(run.pipeline, 'success')
      await awaitCode(lab, token, 'issuer_build_finished')
    },
  },
  {
    name: 'Woodpecker: a restart, which may bring variables, is no push',
    play: async (lab) => {
      const first = await runPipeline(lab)
      lab.wood.server.finish(first.pipeline, 'success')
      const run = await lab.wood.server.restart(first.pipeline)
      lab.wood.server.start(run.pipeline)
      await assertRefused(lab, run, {
        entry: entries.push,
        code: 'policy_event_denied',
        sentence: /unknown, because it was restarted/,
      })
    },
  },
]

const longestMemoryMilliseconds = 10_000

// What the API said is believed for some seconds.
async function awaitCode(lab: DroneLab, token: string, wanted: string): Promise<void> {
  const end = Date.now() + longestMemoryMilliseconds
  for (;;) {
    const { code } = await lab.ours.exchange(token)
    if (code === wanted) return
    if (Date.now() > end) assert.equal(code, wanted)
    await new Promise((resolve) => {
      setTimeout(resolve, 200)
    })
  }
}
