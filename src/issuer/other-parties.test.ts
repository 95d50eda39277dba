// Audiences of parties other than Entra: they load, each token has the one that was asked for, and the
// facts their conditions go by are texts within their limits (facts/federation.md §6).
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { lint } from '../policy/lint.ts'
import { parsePolicy } from '../policy/schema.ts'
import {
  audience,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  partOf,
  policyText,
  tokenOf,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()
const provider =
  '//iam.googleapis.com/projects/4711/locations/global/workloadIdentityPools/ci/providers/drone'
const audiences = [
  audience,
  'api://AzureADTokenExchangeUSGov',
  'api://AzureADTokenExchangeChina',
  'sts.amazonaws.com',
  'sts.amazonaws.com.cn',
  provider,
  `https:${provider}`,
  'https://vault.example',
  'vault',
  'sigstore',
]
const text = policyText.replace(
  `[${audience}, sts.amazonaws.com]`,
  `[${audiences.map((each) => `'${each}'`).join(', ')}]`,
)

for (const wanted of audiences) {
  test(`exchange › mints for ${wanted} when the entry allows it, and for nobody beside it`, async () => {
    const rehearsal = createRehearsal(signer)
    rehearsal.world.policy = parsePolicy(text)
    const token = await tokenOf(rehearsal.ask())
    await rehearsal.tell()
    const query = `v=1&audience=${encodeURIComponent(wanted)}`
    const claims = partOf(String((await jsonOf(rehearsal.exchange(token, query)))['value']), 1)
    assert.equal(claims['aud'], wanted)
    // Google cuts nothing and takes no more; AWS reads conditions from texts only.
    assert.ok(Buffer.byteLength(String(claims['sub'])) <= 127)
    assert.equal(typeof claims['repository_id'], 'string')
    const other = `v=1&audience=${encodeURIComponent(`${wanted}/`)}`
    assert.equal((await rehearsal.exchange(token, other)).status, 403)
  })
}

test('policy lint › warns of one entry whose tokens go to all of these', () => {
  const { findings } = lint(parsePolicy(text))
  const mixed = findings.find(({ code }) => code === 'lint_clouds_mixed')
  assert.match(mixed?.message ?? '', /Azure, Azure USGov, Azure China, AWS, Google Cloud/)
})
