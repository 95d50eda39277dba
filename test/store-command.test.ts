import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'

import { stringify } from 'yaml'

import { storeCommand } from '../bin/store.ts'
import { createLedger } from '../src/audit/ledger.ts'
import { Secret } from '../src/core/secret.ts'
import { openLocalSigner, openLocalSignerAt } from '../src/keys/local.ts'
import { documentKeyPlace } from '../src/keys/place.ts'
import { startPostgres, whyNoPostgres, type TestServer } from '../src/store/postgres.fixture.ts'
import { openPostgresStore } from '../src/store/postgres.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'

const skip = whyNoPostgres()
let server: TestServer | undefined
before(async () => {
  if (skip === false) server = await startPostgres()
})
after(() => server?.stop())

const now = () => new Date('2026-11-23T12:00:00Z')
const encryptionKey = 'e'.repeat(40)

async function stage(t: TestContext) {
  assert.ok(server)
  const folder = mkdtempSync(join(tmpdir(), 'asd-move-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const settings = await server.createDatabase()
  const secret = { file: write('secret', 's'.repeat(40)) }
  const door = { address: '127.0.0.1:1' }
  const common = {
    issuer_url: 'https://id.example',
    service_url: 'https://asd.example',
    policy_file: 'policy.yaml',
    state_dir: folder,
    listen: { ci: door, steps: door, public: door },
    instances: {
      main: {
        scm: 'gitea',
        webhook_secret: { file: write('webhook', 'w'.repeat(40)) },
        runners: {
          one: { token: { file: write('runner', 'r'.repeat(40)) }, repositories: ['**'] },
        },
      },
    },
  }
  const replica = {
    ...common,
    node: 'node-1',
    database: { url: { file: write('url', settings.url.reveal()) } },
    token_key: secret,
    keys: { store: 'database', encryption_key: { file: write('encryption', encryptionKey) } },
  }
  const from = write('from.yaml', stringify(common))
  const to = write('to.yaml', stringify(replica))
  const file = join(folder, 'state.db')
  const source = openSqliteStore(file)
  const ledger = createLedger({ store: source, now }, 'node-1')
  await ledger.append({ type: 'service.started', decision: 'info' })
  const signer = await openLocalSigner({ now }, join(folder, 'signing-keys.json'))
  const said: string[] = []
  const run = (...args: string[]) =>
    storeCommand(['move', '--from', from, '--to', to, ...args], (text) => void said.push(text))
  return { run, said, source, ledger, settings, signer, file }
}

test(
  'store move › brings records and keys over, again changes nothing, and can be verified',
  { skip },
  async (t) => {
    const { run, said, source, settings, signer } = await stage(t)
    await source.close()
    await assert.rejects(run('--verify-only'), { code: 'store_target_differs', exitCode: 6 })
    for (const args of [[], [], ['--verify-only']]) assert.equal(await run(...args), 0)
    assert.match(said.at(-1) ?? '', /^compared: 1 records, 0 tokens, 0 builds, 1 documents; both/)
    const store = await openPostgresStore(settings)
    const sealed = (await store.readDocument('signing-keys'))?.text ?? ''
    assert.ok(sealed.length > 0 && !sealed.includes('"d":'))
    const moved = await openLocalSignerAt({ now }, documentKeyPlace(store, 'signing-keys'), {
      encryptionKey: new Secret(encryptionKey),
      mustExist: true,
    })
    assert.deepEqual(moved.publicKeys(), signer.publicKeys())
    await store.close()
  },
)

test(
  'store move › refuses while the service runs, and a database that has gone on',
  { skip },
  async (t) => {
    const { run, source, ledger, settings, file } = await stage(t)
    await assert.rejects(run(), { code: 'store_in_use', exitCode: 4 })
    await ledger.append({ type: 'policy.loaded', decision: 'info' })
    await source.close()
    assert.equal(await run(), 0)
    const store = await openPostgresStore(settings)
    await createLedger({ store, now }, 'node-1').append({ type: 'policy.loaded', decision: 'info' })
    await assert.rejects(run(), { code: 'store_target_differs' })
    assert.equal((await store.listChains())[0]?.seq, 3)
    await store.close()
    const again = openSqliteStore(file)
    assert.equal((await again.listChains())[0]?.seq, 2)
    await again.close()
  },
)

for (const args of [[], ['copy'], ['move'], ['move', '--from', 'x'], ['move', '--nonsense']]) {
  test(`store ${args.join(' ')} › is a usage error`, async () => {
    await assert.rejects(
      storeCommand(args, () => undefined),
      { code: 'cli_usage', exitCode: 2 },
    )
  })
}
