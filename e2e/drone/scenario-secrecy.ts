// The last scenario: of all that was secret in a run, nothing is in any log, output or database, and a control
// that was put into each of them is found by the same search.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { searchSecrets } from '../../src/demo/canary.ts'
import type { NamedSecret } from '../../src/demo/trust-service.ts'
import type { DroneLab } from './installation.ts'
import type { Scenario } from './scenario.ts'

/** It has to be played after all the others. */
export const secrecyScenario: Scenario = {
  name: 'no token, key or secret is in any log, output or database',
  play: async (lab) => {
    const { logs, outputs, secrets } = await lab.evidence()
    // Every commit that a step wrote to is in all of these.
    const commit = lab.tap.webhooks.find(({ status }) => status === 'success')?.commit ?? ''
    const state = (file: string) => join(lab.ours.plan.stateFolder, file)
    const read = (file: string) => (existsSync(file) ? readFileSync(file) : Buffer.alloc(0))
    const programs = outputs().map(({ name, text }) => ({ name, content: Buffer.from(text) }))
    const places = [
      { name: 'logs of the steps', content: Buffer.from(logs) },
      { name: 'log of the service', content: Buffer.from(lab.ours.service.output()) },
      {
        name: 'database of the service',
        content: Buffer.concat(['state.db', 'state.db-wal'].map((file) => read(state(file)))),
      },
    ]
    const all = [...secrets, ...ourSecrets(lab)]
    const kept = searchSecrets(places, all, commit)
    assert.deepEqual(kept.findings, [])
    assert.deepEqual(kept.controlMissingIn, [])
    const wood = { name: 'logs of Woodpecker', content: Buffer.from(lab.wood.logs()) }
    const rest = searchSecrets([...programs, wood], all, commit)
    assert.deepEqual(rest.findings, [])
    assert.ok(all.length > 20, 'there were secrets to look for')
    // What a real server prints of a build is its own matter.
    if (lab.isReplay) assert.deepEqual(rest.controlMissingIn, [wood.name])
  },
}

function ourSecrets({ ours }: DroneLab): NamedSecret[] {
  const { stateFolder } = ours.plan
  const keys = JSON.parse(readFileSync(join(stateFolder, 'signing-keys.json'), 'utf8')) as {
    keys: { private: { d: string } }[]
  }
  return [
    ...keys.keys.map((key) => ({ name: 'signing key', value: key.private.d })),
    { name: 'token key', value: readFileSync(join(stateFolder, 'token.key'), 'utf8').trim() },
    ...ours.entra.presentedAssertions.map((value) => ({ name: 'ID token', value })),
    ...ours.entra.issuedTokens.map((value) => ({ name: 'access token', value })),
  ]
}
