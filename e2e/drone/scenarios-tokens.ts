// How long tokens live, and who sees them: masks, cards, webhooks that come late, twice or never.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import type { DroneLab } from './installation.ts'
import { commitPlace, fetchSeed, pipelineOf, publish, token } from './pipelines.ts'
import { assertDone, claimsOf, listPlace, type Scenario, seed } from './scenario.ts'

const simple = (lab: DroneLab) => pipelineOf(lab, [fetchSeed(lab.ours), publish(lab.ours)])
const isFinal = (status: string) => status !== 'pending' && status !== 'running'
const variable = 'AZURE_STORAGE_DRONE_TOKEN'
// What a token may outlive its build by, when the server's last word was lost, and time to ask.
const longestAfterlifeMilliseconds = 5000 + 3000

/** Tokens and webhooks. */
export const tokenScenarios: readonly Scenario[] = [
  {
    name: 'a step that prints its token shows stars',
    play: async (lab) => {
      const leak = {
        name: 'leak',
        environment: { TOKEN: token },
        commands: ['echo "token=$TOKEN"'],
      }
      const build = await lab.end((await lab.push(pipelineOf(lab, [leak]))).number)
      await assertDone(build)
      const log = await build.log('leak')
      const given = await lab.tap.awaitToken(({ buildId }) => buildId === build.id)
      assert.match(log, /token=\*{6}/)
      assert.equal(log.includes(given.token), false)
    },
  },
  {
    name: 'the variable of the environ extension works without a secret, and is masked',
    play: async (lab) => {
      const steps = [
        fetchSeed(lab.ours, {}),
        { name: 'leak', commands: [`echo "token=$${variable}"`] },
      ]
      const build = await lab.end((await lab.push(pipelineOf(lab, steps))).number)
      await assertDone(build)
      assert.match(await build.log('leak'), /token=\*{6}/)
      const given = lab.tap.tokens.filter(({ buildId }) => buildId === build.id)
      assert.deepEqual([...new Set(given.map(({ name }) => name))], [variable])
    },
  },
  {
    name: 'the card of a step says what its report says',
    play: async (lab) => {
      const { ours } = lab
      const steps = [
        fetchSeed(ours),
        publish(ours, { card: 'https://cards.example/card.json', output_file: 'out/report.json' }),
        publish(ours, { source: 'out', target: `${commitPlace}/out` }),
      ].map((step, index) => ({ ...step, name: ['fetch', 'publish', 'report'][index] ?? '' }))
      const { commit, number } = await lab.push(pipelineOf(lab, steps))
      const build = await lab.end(number)
      await assertDone(build)
      const place = lab.container.getBlobClient(`octo/hello/${commit}/out/report.json`)
      const report = JSON.parse((await place.downloadToBuffer()).toString()) as Report
      const card = (await build.card('publish')) as Card
      const [done, shown] = [report.transfers[0], card.transfers[0]]
      assert.equal(done?.files, Object.keys(seed).length)
      assert.equal(card.status, report.status)
      assert.deepEqual(
        [shown?.action, shown?.url, shown?.files, shown?.failed],
        [done.action, done.url, `${done.files} files`, done.failures.length],
      )
      assert.equal((await build.log('publish')).includes('\u001B]1338'), false)
    },
  },
  {
    name: 'a token that was kept is worth nothing once its build has ended',
    play: async (lab) => {
      const { commit, number } = await lab.push(simple(lab))
      const build = await lab.end(number)
      await lab.tap.awaitWebhook((at) => at.commit === commit && isFinal(at.status))
      const { token: kept } = await lab.tap.awaitToken(({ buildId }) => buildId === build.id)
      const { status, code } = await lab.ours.exchange(kept)
      assert.deepEqual([status, code], [403, 'issuer_build_finished'])
    },
  },
  {
    name: 'a token dies within seconds when the last webhook of its build is lost',
    play: async (lab) => {
      lab.tap.decideWebhooks(({ status }) => (isFinal(status) ? 'lose' : 'pass'))
      const { number } = await lab.push(simple(lab))
      const build = await lab.end(number)
      const end = Date.now() + longestAfterlifeMilliseconds
      const { token: kept } = await lab.tap.awaitToken(({ buildId }) => buildId === build.id)
      let code = ''
      while (code === '' && Date.now() < end) {
        ;({ code } = await lab.ours.exchange(kept))
        if (code === '') await sleep(200)
      }
      lab.tap.decideWebhooks(() => 'pass')
      assert.equal(code, 'issuer_build_finished')
    },
  },
  {
    name: 'webhooks that come late, in another order, or twice bring no token back',
    play: async (lab) => {
      // The first word on the build arrives last.
      lab.tap.decideWebhooks(({ status }) => (status === 'pending' ? 'keep' : 'pass'))
      const { commit, number } = await lab.push(simple(lab))
      const build = await lab.end(number)
      await assertDone(build)
      await lab.tap.awaitWebhook((at) => at.commit === commit && isFinal(at.status))
      lab.tap.decideWebhooks(() => 'pass')
      const { token: kept } = await lab.tap.awaitToken(({ buildId }) => buildId === build.id)
      const told = lab.tap.webhooks.filter((at) => at.commit === commit)
      assert.deepEqual(
        [...new Set(told.map(({ status }) => status))],
        ['pending', 'running', 'success'],
      )
      for (const webhook of [...told, ...told.toReversed()]) {
        assert.equal((await lab.tap.sendOn(webhook)).status, 204)
        assert.equal((await lab.ours.exchange(kept)).code, 'issuer_build_finished')
      }
    },
  },
  {
    name: 'two builds at once have a token each, and each its own place',
    play: async (lab) => {
      const asking = new Set<number>()
      const both = Promise.withResolvers<void>()
      lab.tap.holdSecrets((buildId) => {
        asking.add(buildId)
        if (asking.size === 2) both.resolve()
        return both.promise
      })
      const runs = [await lab.push(simple(lab)), await lab.push(simple(lab))]
      for (const { commit, number } of runs) {
        await assertDone(await lab.end(number))
        assert.equal((await listPlace(lab, commit)).length, Object.keys(seed).length)
        const builds = new Set(claimsOf(lab, commit).map((claims) => claims['run_number']))
        assert.deepEqual([...builds], [String(number)])
      }
      lab.tap.holdSecrets(() => undefined)
      const given = runs.map(({ number }) => tokensOf(lab, number))
      assert.ok(given.every((tokens) => tokens.size > 0))
      assert.equal(given[0]?.isDisjointFrom(given[1] ?? new Set()), true)
    },
  },
]

function tokensOf({ tap }: DroneLab, number: number): Set<string> {
  const given = tap.tokens.filter((each) => each.number === number)
  return new Set(given.map((each) => each.token))
}

type Report = {
  status: string
  transfers: { action: string; url: string; files: number; failures: unknown[] }[]
}

type Card = {
  status: string
  transfers: { action: string; url: string; files: string; failed: number }[]
}
