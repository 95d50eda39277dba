// The key file under several processes, and under processes that die half-way.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { Fault } from '../core/fault.ts'
import { openLocalSigner } from './local.ts'
import { withFileLock } from './lock.ts'

const now = () => new Date('2026-11-23T12:00:00Z')
const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href)

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-processes-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'keys.json')
}

/** Runs a program over the key file in a process of its own; its signal or exit code, and its output. */
async function run(file: string, program: string): Promise<{ end: unknown; output: string }> {
  const text = `
    import { openLocalSigner } from ${module('./local.ts')}
    const file = ${JSON.stringify(file)}
    const now = () => new Date('2026-11-23T12:00:00Z')
    ${program}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => void (output += chunk.toString()))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { end: signal ?? code, output }
}

// Before any module has it: named imports of builtin modules follow the object.
const dieAt = (name: string) => `
    import promises from 'node:fs/promises'
    import { syncBuiltinESMExports } from 'node:module'
    promises.${name} = () => { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}) }
    syncBuiltinESMExports()`

test('key file › prepared by four processes at once has one next key, and no lock is left', async (t) => {
  const file = fileFor(t)
  const before = await openLocalSigner({ now }, file)
  const prepare = `
    const signer = await openLocalSigner({ now }, file)
    await signer.change({ command: { kind: 'prepare' } })
    console.log(signer.ring().map(({ kid, state }) => kid + ' ' + state).join())`
  const ends = await Promise.all(Array.from({ length: 4 }, () => run(file, prepare)))
  assert.deepEqual(new Set(ends.map(({ end }) => end)), new Set([0]))
  assert.equal(new Set(ends.map(({ output }) => output)).size, 1, 'all of them see the same ring')
  assert.equal(await before.refresh(), true)
  assert.deepEqual(
    before.ring().map(({ state }) => state),
    ['active', 'next'],
  )
})

test('key file › rotated in an emergency by three processes at once loses no rotation', async (t) => {
  const file = fileFor(t)
  const signer = await openLocalSigner({ now }, file)
  const rotate = `
    const signer = await openLocalSigner({ now }, file)
    await signer.change({ command: { kind: 'activate', isEmergency: true } })`
  await Promise.all(Array.from({ length: 3 }, () => run(file, rotate)))
  await signer.refresh()
  assert.equal(signer.ring().length, 4)
  assert.equal(signer.publicKeys().length, 4, 'every retired key is still published')
  assert.equal(signer.ring().filter(({ state }) => state === 'active').length, 1)
})

test('key file › changed many times at once in one process is changed one at a time', async (t) => {
  const signer = await openLocalSigner({ now }, fileFor(t))
  const rotations = Array.from({ length: 5 }, () =>
    signer.change({ command: { kind: 'activate', isEmergency: true } }),
  )
  await Promise.all(rotations)
  assert.equal(signer.publicKeys().length, 6)
})

test('key file › survives a kill between write and rename; the next writer clears up', async (t) => {
  const file = fileFor(t)
  const signer = await openLocalSigner({ now }, file)
  const text = readFileSync(file, 'utf8')
  const killed = await run(
    file,
    `${dieAt('rename')}
    const signer = await openLocalSigner({ now }, file)
    await signer.change({ command: { kind: 'activate', isEmergency: true } })`,
  )
  assert.equal(killed.end, 'SIGKILL')
  assert.equal(readFileSync(file, 'utf8'), text)
  const drafts = () => readdirSync(join(file, '..')).filter((name) => name.endsWith('.new'))
  assert.equal(drafts().length, 1, 'it was killed at the right moment')
  const again = await openLocalSigner({ now }, file)
  assert.deepEqual(again.publicKeys(), signer.publicKeys())
  await again.change({ command: { kind: 'prepare' } })
  assert.deepEqual(drafts(), [])
})

test('key file › killed at its first making is made by the next start', async (t) => {
  const file = fileFor(t)
  const killed = await run(file, `${dieAt('rename')}\n await openLocalSigner({ now }, file)`)
  assert.equal(killed.end, 'SIGKILL')
  const signer = await openLocalSigner({ now }, file)
  assert.equal(signer.publicKeys().length, 1)
  assert.deepEqual(readdirSync(join(file, '..')).toSorted(), ['keys.json', 'keys.json.lock'])
})

test('lock › that stays taken is a fault worth a retry', async (t) => {
  const file = fileFor(t)
  await withFileLock(file, async () => {
    const second = withFileLock(file, async () => 'never', 60)
    await assert.rejects(second, { code: 'keys_busy', exitCode: 5 })
  })
  assert.equal(await withFileLock(file, async () => 'free again'), 'free again')
})

test('refresh › takes over what another process wrote, and keeps the last good keys otherwise', async (t) => {
  const file = fileFor(t)
  const [one, other] = [await openLocalSigner({ now }, file), await openLocalSigner({ now }, file)]
  assert.equal(await one.refresh(), false)
  await other.change({ command: { kind: 'revoke', kid: other.publicKeys()[0]?.kid ?? '' } })
  assert.notDeepEqual(one.publicKeys(), other.publicKeys())
  assert.equal(await one.refresh(), true)
  assert.deepEqual(one.publicKeys(), other.publicKeys())

  const good = readFileSync(file, 'utf8')
  const spoilt = [
    () => writeFileSync(file, good.slice(0, -9)),
    () => chmodSync(file, 0o644),
    () => rmSync(file),
  ]
  for (const spoil of spoilt) {
    writeFileSync(file, good, { mode: 0o600 })
    chmodSync(file, 0o600)
    spoil()
    await assert.rejects(one.refresh(), { code: 'keys_unreadable' })
    assert.ok(await one.sign({ sub: 'x' }))
  }
  writeFileSync(file, good, { mode: 0o600 })
  await one.refresh()
})

test('ledger › that cannot be written stops a rotation, but not a revocation, which tells it after', async (t) => {
  const file = fileFor(t)
  const told: string[] = []
  const world = { isDown: false }
  const record = async (events: readonly { what: string }[]) => {
    if (world.isDown) throw new Fault('audit_unavailable', 'The disk is full.')
    told.push(events.map(({ what }) => what).join(' '))
  }
  const signer = await openLocalSigner({ now, record }, file)
  assert.deepEqual(told, ['created activated'])
  world.isDown = true
  const before = readFileSync(file, 'utf8')
  await assert.rejects(signer.change({ command: { kind: 'prepare' } }), {
    code: 'audit_unavailable',
  })
  assert.equal(readFileSync(file, 'utf8'), before)
  const kid = signer.publicKeys()[0]?.kid ?? ''
  await assert.rejects(signer.change({ command: { kind: 'revoke', kid } }), {
    code: 'audit_unavailable',
  })
  assert.notEqual(signer.publicKeys()[0]?.kid, kid)
  assert.equal(
    (await openLocalSigner({ now }, file)).publicKeys()[0]?.kid,
    signer.publicKeys()[0]?.kid,
  )
})
