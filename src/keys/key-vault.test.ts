import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test, type TestContext } from 'node:test'

import { Fault } from '../core/fault.ts'
import { officer, startVaultKit, type VaultKit } from '../lab/key-vault.fixture.ts'
import { openVaultKey } from './key-vault-client.ts'
import { openVaultSigner } from './key-vault.ts'
import type { RecordKeyEvents } from './place-signer.ts'
import { fileKeyPlace } from './place.ts'
import { createQueue, type QueueClock } from './queue.ts'
import { realClock } from './replicas.fixture.ts'
import { after as later, defaultRules } from './ring.ts'

const day = 24 * 3600
const emergency = { command: { kind: 'activate', isEmergency: true } } as const

const throttled = { status: 429, code: 'Throttled', action: 'sign/action' } as const

/** A clock that is at the next moment at once, and notes how far that was. */
function hurriedClock(rests: number[]): QueueClock {
  let atMs = 0
  return {
    nowMs: () => atMs,
    wake(afterMs, work) {
      const dueMs = atMs + afterMs
      const timer = setImmediate(() => {
        rests.push(afterMs)
        atMs = dueMs
        work()
      })
      return () => clearImmediate(timer)
    },
  }
}

let kit: VaultKit

/** A service with a key of its own in the vault. */
type Service = {
  key: string
  file: string
  now: Date
  open: (more?: {
    key?: string
    record?: RecordKeyEvents
    credential?: VaultKit['credential']
    clock?: QueueClock
  }) => ReturnType<typeof openVaultSigner>
}

function createService(t: TestContext, limits = { concurrency: 4, longestQueue: 10 }): Service {
  const folder = mkdtempSync(join(tmpdir(), 'asd-vault-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'ring.json')
  const service: Service = {
    key: randomUUID(),
    file,
    now: new Date('2026-11-23T12:00:00Z'),
    async open({ key = service.key, record, credential = kit.credential, clock = realClock } = {}) {
      const ca = kit.entraKit.authority.caPem
      const vault = await openVaultKey({ url: kit.vault.url, key, ca }, credential)
      return openVaultSigner(
        {
          now: () => service.now,
          place: fileKeyPlace(file),
          vault,
          queue: createQueue(clock, { ...limits, longestWaitMs: 5000 }),
          newId: randomUUID,
          ...(record && { record }),
        },
        { rules: defaultRules },
      )
    },
  }
  return service
}

const versionsOf = ({ key }: Service) => kit.vault.versions.filter(({ name }) => name === key)
const enabledOf = (service: Service) => versionsOf(service).map(({ enabled }) => enabled)
const signaturesOf = ({ key }: Service) =>
  kit.vault.calls.filter((call) => call.key === key && call.action === 'sign/action')

describe('key vault signer', () => {
  before(async () => {
    kit = await startVaultKit()
  })
  beforeEach(() => {
    kit.vault.allow(kit.entraKit.app.objectId, officer)
    kit.vault.settings.before = () => undefined
  })
  after(() => kit.close())

  test('keeps nothing private, and opens again without asking the vault', async (t) => {
    const service = createService(t)
    const signer = await service.open()
    const text = readFileSync(service.file, 'utf8')
    assert.doesNotMatch(text, /"(d|p|q|dp|dq|qi|private|sealed)":/)
    const { length } = kit.vault.calls
    assert.deepEqual((await service.open()).publicKeys(), signer.publicKeys())
    assert.equal(kit.vault.calls.length, length)
  })

  test('disables a version when its key is removed, and not before', async (t) => {
    const service = createService(t)
    const signer = await service.open()
    await signer.change(emergency)
    assert.deepEqual(enabledOf(service), [true, true])
    service.now = later(service.now, day + 601)
    await signer.change({})
    assert.deepEqual(enabledOf(service), [false, true])
  })

  test('disables a revoked version at once, and tries again when the vault refused', async (t) => {
    const service = createService(t)
    const [signer, other] = [await service.open(), await service.open()]
    const [kid = ''] = signer.publicKeys().map((key) => key.kid ?? '')
    kit.vault.failNext({
      count: 1,
      status: 503,
      code: 'ServiceUnavailable',
      action: 'update/action',
    })
    await assert.rejects(signer.change({ command: { kind: 'revoke', kid } }), {
      code: 'keys_vault_unreachable',
    })
    assert.ok(!signer.publicKeys().some((key) => key.kid === kid), 'it is published no more')
    assert.deepEqual(enabledOf(service), [true, true])
    await signer.change({})
    assert.deepEqual(enabledOf(service), [false, true])
    // The other has not looked yet; that the vault refuses its key tells it to.
    const token = await other.sign({})
    assert.deepEqual(other.publicKeys(), signer.publicKeys())
    assert.ok(token)
  })

  test('disables what a rotation left over, and nothing that others made', async (t) => {
    const service = createService(t)
    const world = { isDown: false }
    const record = async () => {
      if (world.isDown) throw new RangeError('no ledger')
    }
    const signer = await service.open({ record })
    const elsewhere = createService(t)
    elsewhere.key = service.key
    await elsewhere.open()
    world.isDown = true
    await assert.rejects(signer.change(emergency), RangeError)
    assert.deepEqual(enabledOf(service), [true, true, true])
    world.isDown = false
    await signer.change({})
    assert.deepEqual(enabledOf(service), [true, true, false])
  })

  test('waits as long as the vault says, and asks for the same key again', async (t) => {
    const service = createService(t)
    const rests: number[] = []
    const signer = await service.open({ clock: hurriedClock(rests) })
    const [version = ''] = versionsOf(service).map((each) => each.version)
    kit.vault.failNext({ ...throttled, count: 1, retryAfterSeconds: 3 })
    kit.vault.failNext({ ...throttled, count: 1, retryAfterSeconds: 1 })
    const { length } = signaturesOf(service)
    assert.ok(await signer.sign({}))
    assert.deepEqual(rests, [3000, 1000])
    const asked = signaturesOf(service).slice(length)
    assert.deepEqual(
      asked.map((call) => call.version),
      [version, version, version],
    )
    assert.equal(versionsOf(service).length, 1, 'and never for a second one')
  })

  test('throttled while it makes a key, it says so, and goes on signing', async (t) => {
    const service = createService(t)
    const signer = await service.open()
    kit.vault.failNext({ ...throttled, action: 'create/action', count: 1, retryAfterSeconds: 7 })
    await assert.rejects(signer.change(emergency), {
      code: 'keys_busy',
      details: { retryAfterSeconds: 7 },
    })
    assert.ok(await signer.sign({}))
    assert.deepEqual(enabledOf(service), [true])
  })

  test('says at once that it is busy when too many wait, and when the rest is too long', async (t) => {
    const service = createService(t, { concurrency: 1, longestQueue: 1 })
    const signer = await service.open()
    const gate = Promise.withResolvers<void>()
    kit.vault.settings.before = () => gate.promise
    const waiting = [signer.sign({}), signer.sign({})]
    const busy = { code: 'keys_busy', status: 503, exitCode: 5, details: { retryAfterSeconds: 1 } }
    await assert.rejects(signer.sign({}), busy)
    gate.resolve()
    assert.equal(new Set(await Promise.all(waiting)).size, 1, 'RS256 gives the same every time')
    kit.vault.failNext({ ...throttled, count: 1, retryAfterSeconds: 60 })
    await assert.rejects(signer.sign({}), { code: 'keys_busy', details: { retryAfterSeconds: 60 } })
    assert.equal(versionsOf(service).length, 1)
  })

  test('gives out no signature of another key than the published one', async (t) => {
    const service = createService(t)
    await (await service.open()).change({ command: { kind: 'prepare' } })
    const [active = '', next = ''] = versionsOf(service).map(({ version }) => version)
    const swapped = readFileSync(service.file, 'utf8')
      .replace(active, 'ACTIVE')
      .replace(next, active)
      .replace('ACTIVE', next)
    writeFileSync(service.file, swapped, { mode: 0o600 })
    const signer = await service.open()
    await assert.rejects(signer.sign({}), { code: 'keys_vault_wrong', exitCode: 6 })
  })

  test('refuses a ring of another key, and what is no ring', async (t) => {
    const service = createService(t)
    await service.open()
    await assert.rejects(service.open({ key: 'other' }), {
      code: 'keys_unreadable',
      message: /it belongs to .*, and .*\/keys\/other is configured/,
    })
    const text = readFileSync(service.file, 'utf8')
    const spoilt = [text.slice(0, -9), text.replace(/"kid": "../, '"kid": "xx'), '{}']
    for (const content of spoilt) {
      writeFileSync(service.file, content, { mode: 0o600 })
      await assert.rejects(service.open(), { code: 'keys_unreadable', message: /not a key ring/ })
    }
  })

  test('says what the vault refuses in one sentence, and what to do', async (t) => {
    const service = createService(t)
    const signer = await service.open()
    const { vault, entraKit } = kit
    const failures: [string, () => Promise<unknown>, RegExp][] = []
    vault.allow(entraKit.app.objectId, [])
    failures.push([
      'keys_vault_denied',
      () => signer.sign({}),
      /refuses the service .*not authorized/,
    ])
    await tellAll(failures)
    vault.allow(entraKit.app.objectId, officer)
    const [only = assert.fail()] = versionsOf(service)
    only.enabled = false
    await tellAll([['keys_vault_disabled', () => signer.sign({}), /is disabled in the vault/]])
    vault.deleteKey(service.key)
    await tellAll([['keys_vault_gone', () => signer.sign({}), /is not in the vault/]])
    vault.failNext({ count: 1, status: 500, code: 'InternalError' })
    await tellAll([['keys_vault_unreachable', () => signer.sign({}), /answered 500/]])
  })

  test('says when the vault cannot be reached, and when nobody could be signed in', async (t) => {
    const service = createService(t)
    const ca = kit.entraKit.authority.caPem
    const address = { url: 'https://localhost:1', key: 'k', ca }
    const nowhere = await openVaultKey(address, kit.credential)
    const stranger = async () => {
      throw Object.assign(new Error('no identity\nand much advice'), {
        name: 'CredentialUnavailableError',
      })
    }
    await tellAll([
      ['keys_vault_unreachable', () => nowhere.list(), /cannot be reached/],
      [
        'keys_vault_sign_in',
        () => service.open({ credential: { getToken: stranger } }),
        /: no identity\.$/,
      ],
    ])
  })
})

async function tellAll(failures: [string, () => Promise<unknown>, RegExp][]): Promise<void> {
  for (const [code, attempt, sentence] of failures) {
    await assert.rejects(attempt, (error) => {
      assert.ok(error instanceof Fault, String(error))
      assert.equal(error.code, code)
      assert.match(error.message, sentence)
      assert.match(error.message, /^[^\n]+\.$/)
      assert.ok(error.hint.length > 20)
      return true
    })
  }
}
