// Which builds get what: every kind that Drone has, the ones that must get nothing with their reason in the
// log (facts/drone.md §3.1).
import assert from 'node:assert/strict'

import type { DroneLab } from './installation.ts'
import { commitPlace, fetchSeed, onShare, pipelineOf, publish } from './pipelines.ts'
import { cronJob, entries, environment } from './policy.ts'
import { assertDone, assertRefused, claimsOf, listPlace, type Scenario, seed } from './scenario.ts'

const seedNames = Object.keys(seed).toSorted()
const simple = (lab: DroneLab, entry?: string) =>
  pipelineOf(lab, [fetchSeed(lab.ours), publish(lab.ours)], entry)

/** Builds by kind. */
export const buildScenarios: readonly Scenario[] = [
  {
    name: 'files that one step of a push uploads come back in a later one',
    play: async (lab) => {
      const { ours } = lab
      const again = { ...ours.blob, token: { from_secret: 'azure_token' }, source: commitPlace }
      const steps = [
        fetchSeed(ours),
        publish(ours),
        {
          name: 'restore',
          settings: { ...again, source: `${commitPlace}/`, action: 'download', target: 'out' },
        },
        { name: 'compare', settings: { ...again, action: 'verify', target: 'out' } },
      ]
      const { commit, number } = await lab.push(pipelineOf(lab, steps))
      const build = await lab.end(number)
      await assertDone(build)
      assert.match(await build.log('publish'), /^uploaded 3 files, /m)
      assert.match(await build.log('compare'), /^verified 3 files/m)
      assert.deepEqual(await listPlace(lab, commit), seedNames)
      const [claims] = claimsOf(lab, commit)
      assert.equal(claims?.sub, 'repo:octo/hello@4711:ref:refs/heads/main')
      const said = lab.scm.statuses.filter(({ sha }) => sha === commit)
      assert.equal(said.at(-1)?.state, 'success', 'the commit has its status')
    },
  },
  {
    name: 'files go to a share and come back',
    play: async (lab) => {
      const { ours } = lab
      const steps = [
        fetchSeed(ours),
        {
          name: 'publish',
          settings: { ...onShare(ours), action: 'upload', source: 'in', target: commitPlace },
        },
        {
          name: 'compare',
          settings: { ...onShare(ours), action: 'verify', source: commitPlace, target: 'in' },
        },
      ]
      const build = await lab.end((await lab.push(pipelineOf(lab, steps))).number)
      await assertDone(build)
      assert.match(await build.log('compare'), /^verified 3 files/m)
    },
  },
  {
    name: 'a pull request from a fork is refused, and its log says why',
    play: async (lab) => {
      const number = await lab.openPullRequest(simple(lab, entries.review), 'mallory/hello')
      const sentence = /fork pull requests, and this build runs code of mallory\/hello/
      await assertRefused(await lab.end(number), 'fetch', 'policy_fork_denied', sentence)
    },
  },
  {
    name: 'a pull request whose fork is gone is refused',
    play: async (lab) => {
      const number = await lab.openPullRequest(simple(lab, entries.review), undefined)
      const sentence = /code of a deleted repository/
      await assertRefused(await lab.end(number), 'fetch', 'policy_fork_denied', sentence)
    },
  },
  {
    name: 'a promoted pull request from a fork is refused',
    play: async (lab) => {
      const pull = await lab.openPullRequest(simple(lab, entries.deploy), 'mallory/hello')
      await lab.end(pull)
      const { number } = await lab.api.promote(pull, environment)
      await assertRefused(await lab.end(number), 'fetch', 'policy_fork_denied', /fork/)
    },
  },
  {
    name: 'a pull request of the repository itself gets what pull requests get',
    play: async (lab) => {
      const build = await lab.end(
        await lab.openPullRequest(simple(lab, entries.review), 'octo/hello'),
      )
      await assertDone(build)
      assert.equal(claimsOf(lab, build.after)[0]?.sub, 'repo:octo/hello@4711:pull_request')
    },
  },
  {
    name: 'a pull request of the repository itself does not get what pushes get',
    play: async (lab) => {
      const number = await lab.openPullRequest(simple(lab, entries.push), 'octo/hello')
      await assertRefused(
        await lab.end(number),
        'fetch',
        'policy_event_denied',
        /a pull_request build/,
      )
    },
  },
  {
    name: 'a promotion gets the identity of its environment',
    play: async (lab) => {
      const first = await lab.push(simple(lab, entries.deploy))
      await assertRefused(await lab.end(first.number), 'fetch', 'policy_event_denied', /push/)
      const { number } = await lab.api.promote(first.number, environment)
      await assertDone(await lab.end(number))
      const [claims] = claimsOf(lab, first.commit)
      assert.equal(claims?.sub, `repo:octo/hello@4711:environment:${environment}`)
      assert.equal(claims['environment'], environment)
    },
  },
  {
    name: 'a restarted build works with a token of its own, and the old one stays dead',
    play: async (lab) => {
      const first = await lab.push(simple(lab))
      await assertDone(await lab.end(first.number))
      const { number } = await lab.api.restart(first.number)
      await assertDone(await lab.end(number))
      const [old, fresh] = await Promise.all(
        [first.number, number].map((each) => lab.tap.awaitToken((at) => at.number === each)),
      )
      assert.notEqual(old?.token, fresh?.token)
      assert.equal((await lab.ours.exchange(old?.token ?? '')).code, 'issuer_build_finished')
    },
  },
  {
    name: 'a restart whose caller chose a variable is refused, and the log names it',
    play: async (lab) => {
      const first = await lab.push(simple(lab))
      await assertDone(await lab.end(first.number))
      const { number } = await lab.api.restart(first.number, { GREETING: 'hello' })
      const sentence = /whose caller set parameters \(GREETING\)/
      await assertRefused(await lab.end(number), 'fetch', 'policy_event_denied', sentence)
    },
  },
  {
    name: 'a custom build of a commit on main is no push',
    play: async (lab) => {
      const { commit, number } = await lab.push(simple(lab))
      await lab.end(number)
      const custom = await lab.api.custom({ branch: 'main', commit })
      const sentence = /custom build/
      await assertRefused(await lab.end(custom.number), 'fetch', 'policy_event_denied', sentence)
    },
  },
  {
    name: 'a cron job gets the identity of its name',
    play: async (lab) => {
      const first = await lab.push(simple(lab, entries.nightly))
      await assertRefused(await lab.end(first.number), 'fetch', 'policy_event_denied', /push/)
      const { number } = await lab.api.runCron(cronJob)
      await assertDone(await lab.end(number))
      const [claims] = claimsOf(lab, first.commit)
      assert.equal(claims?.sub, `repo:octo/hello@4711:cron:${cronJob}`)
    },
  },
]
