// One contract for all signers: wherever the keys are, and however many replicas share them.
import assert from 'node:assert/strict'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'

import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'

import { startVaultKit, type VaultKit } from '../lab/key-vault.fixture.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { RingSigner } from './place-signer.ts'
import { createWorld, vaultOpener, ways, type Ground } from './replicas.fixture.ts'
import { activeKey, after as later, publishedKeys } from './ring.ts'

let kit: VaultKit
let ground: Ground

const day = 24 * 3600
const emergency = { command: { kind: 'activate', isEmergency: true } } as const

/** The kid of a token, once jose has verified it against what this replica publishes. */
async function verified(token: string, signer: RingSigner): Promise<string> {
  const keys = createLocalJWKSet({ keys: [...signer.publicKeys()] })
  await jwtVerify(token, keys, { algorithms: ['RS256'], typ: 'JWT' })
  return decodeProtectedHeader(token).kid ?? ''
}

const kidsOf = (signer: RingSigner) => signer.publicKeys().map(({ kid }) => kid)
const statesOf = (signer: RingSigner) => signer.ring().map(({ state }) => state)

describe('replicas', () => {
  before(async () => {
    kit = await startVaultKit()
    const { vault, credential, entraKit } = kit
    ground = {
      openDocuments: (file) => openSqliteStore(file),
      openVault: vaultOpener(vault.url, entraKit.authority.caPem, credential),
    }
  })
  after(() => kit.close())

  for (const way of ways) {
    test(`${way} › tokens are verified by jose, under the thumbprint and certificate of their key`, async (t) => {
      const world = await createWorld(t, ground, way)
      const signer = await world.open()
      const token = await signer.sign({ sub: 'x' })
      const [jwk, ...others] = signer.publicKeys()
      assert.ok(jwk)
      assert.deepEqual(others, [])
      assert.equal(await verified(token, signer), jwk.kid)
      assert.equal(jwk.kid, await calculateJwkThumbprint(jwk, 'sha256'))
      assert.deepEqual(decodeProtectedHeader(token), { alg: 'RS256', typ: 'JWT', kid: jwk.kid })
      const certificate = new X509Certificate(Buffer.from(jwk.x5c?.[0] ?? '', 'base64'))
      const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
      assert.ok(certificate.publicKey.equals(publicKey))
      assert.ok(certificate.verify(publicKey), 'it is signed by the key itself')
    })

    test(`${way} › three that start at once, and prepare at once, make one key each time`, async (t) => {
      const world = await createWorld(t, ground, way)
      const signers = await Promise.all([world.open(), world.open(), world.open()])
      const change = (input: Parameters<RingSigner['change']>[0]) =>
        Promise.all(signers.map((signer) => signer.change(input)))
      await change({ command: { kind: 'prepare' } })
      await Promise.all(signers.map((signer) => signer.refresh()))
      for (const signer of signers) {
        assert.deepEqual(statesOf(signer), ['active', 'next'])
        assert.deepEqual(signer.publicKeys(), signers[0]?.publicKeys())
      }
      const [first] = signers
      const next = kidsOf(first)[1]
      // A day on end at the public URL, and all three find at once that it is ripe.
      const look = () => {
        world.now = later(world.now, 3600)
        const served = new Set(kidsOf(first).map((kid) => kid ?? ''))
        return { observation: { at: world.now, served } }
      }
      for (let hour = 0; hour < 24; hour += 1) await first.change(look())
      await change(look())
      await Promise.all(signers.map((signer) => signer.refresh()))
      for (const signer of signers) {
        assert.deepEqual(statesOf(signer), ['retired', 'active'])
        assert.equal(await verified(await signer.sign({}), signer), next)
      }
    })

    test(`${way} › one that slept through a rotation signs with what is still published`, async (t) => {
      const world = await createWorld(t, ground, way)
      const [awake, asleep] = [await world.open(), await world.open()]
      await awake.change(emergency)
      const token = await asleep.sign({})
      assert.equal(await verified(token, awake), kidsOf(asleep)[0], 'by the retired key')
      assert.notEqual(kidsOf(asleep)[0], kidsOf(awake)[0])
      assert.equal(await asleep.refresh(), true)
      assert.equal(await asleep.refresh(), false)
      assert.deepEqual(asleep.publicKeys(), awake.publicKeys())
      assert.equal(await verified(await asleep.sign({}), awake), kidsOf(awake)[0])
    })

    test(`${way} › a revoked key is published no more, and its successor signs everywhere`, async (t) => {
      const world = await createWorld(t, ground, way)
      const [one, other] = [await world.open(), await world.open()]
      const [kid = ''] = kidsOf(one)
      const refusals = await Promise.all(
        [one, other].map((signer) => signer.change({ command: { kind: 'revoke', kid } })),
      )
      assert.deepEqual(refusals.map((refusal) => refusal?.kind ?? 'done').toSorted(), [
        'done',
        'unknown-key',
      ])
      await Promise.all([one.refresh(), other.refresh()])
      for (const signer of [one, other]) {
        assert.deepEqual(statesOf(signer), ['revoked', 'active'])
        assert.ok(!kidsOf(signer).includes(kid))
        assert.equal(await verified(await signer.sign({}), one), kidsOf(one)[0])
      }
    })

    test(`${way} › a rotation that the ledger cannot record does not happen`, async (t) => {
      const world = await createWorld(t, ground, way)
      const ledger = { isDown: false }
      const record = async () => {
        if (ledger.isDown) throw new RangeError('the ledger is down')
      }
      const signer = await world.open({ record })
      ledger.isDown = true
      await assert.rejects(signer.change(emergency), /the ledger is down/)
      assert.deepEqual(statesOf(await world.open()), ['active'])
      ledger.isDown = false
      await signer.change(emergency)
      assert.deepEqual(statesOf(signer), ['retired', 'active'])
    })
  }

  for (const way of ways.filter((each) => each.endsWith('database'))) {
    test(`${way} › one that slept for longer looks before it signs, or does not sign`, async (t) => {
      const world = await createWorld(t, ground, way)
      const [awake, asleep] = [await world.open(), await world.open()]
      await awake.change(emergency)
      world.now = later(world.now, 31)
      world.isShut = true
      await assert.rejects(asleep.sign({}), /the place is shut/)
      world.isShut = false
      assert.equal(await verified(await asleep.sign({}), awake), kidsOf(awake)[0])
      world.isShut = true
      world.now = later(world.now, 29)
      assert.equal(await verified(await asleep.sign({}), awake), kidsOf(awake)[0])
    })
  }

  test('a retired key is removed everywhere when no token of it can be alive', async (t) => {
    const world = await createWorld(t, ground, 'database')
    const [one, other] = [await world.open(), await world.open()]
    await one.change(emergency)
    world.now = later(world.now, day + 601)
    await Promise.all([one.change({}), other.change({})])
    await Promise.all([one.refresh(), other.refresh()])
    for (const signer of [one, other]) {
      assert.deepEqual(statesOf(signer), ['removed', 'active'])
      assert.equal(publishedKeys(signer.ring()).length, 1)
      assert.equal(activeKey(signer.ring())?.kid, kidsOf(one)[0])
    }
  })
})
