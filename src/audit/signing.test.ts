// Signed checkpoints, keys that follow one another, closed segments and their archive, and proofs.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'

import { Secret } from '../core/secret.ts'
import { joinSources, listArchive, openFiles } from './archive.ts'
import { readRecord } from './chain.ts'
import { createStage, memoryPlace, someEvent, sourceOf, type Stage } from './history.fixture.ts'
import { openKeyring, readVerifiers, resealKeys } from './keyring.ts'
import { proveBuild, readProof, verifyProof } from './prove.ts'
import { archiveSegments } from './retention.ts'
import { openNote, readNoteKey, signNote } from './signed-note.ts'
import { openStatement } from './statement.ts'
import { checkArchived, verifyLedger, verifyTails } from './verify.ts'

const now = () => new Date('2026-11-23T12:00:00.123Z')

async function fill({ ledger }: Stage, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => ledger.append(someEvent(index))))
}

async function rowsOf({ store }: Stage, first = 1) {
  return store.readLedger('node-1', first, 10_000)
}

test('signed note › is what the C2SP specification describes, and holds to every letter', async () => {
  const keyring = await openKeyring({ now, place: memoryPlace() }, 'node-1')
  const [key] = keyring.keys()
  assert.ok(key)
  assert.match(key.text, /^azure-storage-drone\/node-1\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/)
  assert.deepEqual(readNoteKey(key.text)?.id, key.id)
  const note = signNote(keyring.signer(), 'one\ntwo\n')
  assert.match(note, /^one\ntwo\n\n— azure-storage-drone\/node-1 [A-Za-z0-9+/=]{92}\n$/)
  assert.equal(openNote(note, [key])?.text, 'one\ntwo\n')
  for (let at = 0; at < note.length; at += 1) {
    const letter = String.fromCharCode(note.charCodeAt(at) ^ 1)
    const changed = `${note.slice(0, at)}${letter}${note.slice(at + 1)}`
    // The last letter of base64 has bits that say nothing.
    const isSpare = changed.replace(/.==?\n$/, '') === note.replace(/.==?\n$/, '')
    if (!isSpare) assert.equal(openNote(changed, [key]), undefined, changed)
  }
})

test('checkpoint › signs what is there, and only when there is news', async () => {
  const stage = await createStage()
  await fill(stage, 10)
  await stage.checkpoint()
  await stage.checkpoint()
  const types = (await rowsOf(stage, 11)).map((row) => readRecord(row)?.type)
  assert.deepEqual(types, ['ledger.key', 'ledger.checkpoint'])
  const [note = ''] = stage.notes
  const { size, head, node } = openStatement(note, stage.keyring.keys()) ?? {}
  assert.deepEqual([node, size, head], ['node-1', 11, (await rowsOf(stage, 11))[0]?.hash])
  await fill(stage, 1)
  await stage.checkpoint()
  assert.equal(stage.notes.length, 2)
})

test('checkpoint › does not sign a history that was changed since the last one', async () => {
  const stage = await createStage()
  await fill(stage, 5)
  await stage.checkpoint()
  await fill(stage, 5)
  const rows = await rowsOf(stage)
  const inner = stage.store.readLedger.bind(stage.store)
  stage.store.readLedger = async (node, from, limit) =>
    (await inner(node, from, limit)).map((row) =>
      row.seq === 9 ? { ...row, record: row.record.replace('allow', 'deny') } : row,
    )
  await stage.checkpoint()
  assert.equal(stage.notes.length, 1)
  assert.match(stage.lines.join('\n'), /"code":"audit_chain_broken","seq":9,"kind":"flip"/)
  assert.equal((await inner('node-1', 1, 100)).length, rows.length)
})

test('start › reads no further back than the newest signed checkpoint', async () => {
  const stage = await createStage()
  await fill(stage, 5000)
  await stage.checkpoint()
  await fill(stage, 3)
  let read = 0
  const counted = {
    ...stage.store,
    readLedger: async (node: string, from: number, limit: number) => {
      const rows = await stage.store.readLedger(node, from, limit)
      read += rows.length
      return rows
    },
  }
  const keysOf = () => stage.keyring.keys()
  assert.equal((await verifyTails(counted, keysOf)).count, 5005)
  assert.ok(read < 1100, `${read} rows were read`)
  const rows = await rowsOf(stage)
  const cut = sourceOf(rows.toSpliced(5003, 1))
  await assert.rejects(verifyTails(cut, keysOf), { details: { seq: 5004, kind: 'drop' } })
})

test('keys › follow one another: who trusts the first verifies what the third signed', async () => {
  const stage = await createStage()
  const first = stage.keyring.keys()
  for (let round = 0; round < 3; round += 1) {
    await fill(stage, 4)
    await stage.checkpoint()
    await stage.keyring.rotate()
  }
  await fill(stage, 4)
  await stage.checkpoint()
  assert.equal(new Set(stage.keyring.keys().map(({ id }) => id)).size, 4)
  const { verifiers } = await verifyLedger(stage.store, () => first, stage.notes)
  assert.equal(verifiers[0]?.checkpoints(), 4)
  const stranger = await openKeyring({ now, place: memoryPlace() }, 'node-1')
  const verifying = verifyLedger(stage.store, () => stranger.keys())
  await assert.rejects(verifying, { details: { seq: 6, kind: 'fork' } })
})

test('keys › sealed in a database open with the same secret only, and show nothing private', async () => {
  const place = memoryPlace()
  const sealWith = new Secret('s'.repeat(32))
  const keyring = await openKeyring({ now, place, sealWith }, 'node-1')
  await keyring.rotate()
  assert.deepEqual(
    (await readVerifiers({ now, place, sealWith }, 'node-1'))?.map(({ text }) => text),
    keyring.keys().map(({ text }) => text),
  )
  const text = (await place.read())?.text ?? ''
  assert.ok(!text.includes('private'))
  for (const other of [undefined, new Secret('t'.repeat(32))]) {
    const opening = openKeyring({ now, place, sealWith: other }, 'node-1')
    await assert.rejects(opening, { code: 'keys_unreadable' })
  }
  // Sealed for one node, it is no key of another.
  await assert.rejects(openKeyring({ now, place, sealWith }, 'node-2'), { code: 'keys_unreadable' })
})

test('keys › move to a database sealed, and a second time as they are there already', async () => {
  const place = memoryPlace()
  await (await openKeyring({ now, place }, 'node-1')).rotate()
  const text = (await place.read())?.text ?? ''
  const from = { name: 'file', text, sealWith: undefined }
  const to = { name: 'database', there: undefined, sealWith: new Secret('s'.repeat(32)) }
  const moved = resealKeys('node-1', from, to)
  assert.ok(!moved.includes('private'))
  assert.equal(resealKeys('node-1', from, { ...to, there: moved }), moved)
  const target = memoryPlace()
  await target.write('', moved)
  const opened = await openKeyring({ now, place: target, sealWith: to.sealWith }, 'node-1')
  assert.equal(opened.keys().length, 2)
})

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-archive-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

async function archivedStage(t: TestContext) {
  const clock = { at: now() }
  const stage = await createStage({ segmentRecords: 20, now: () => clock.at })
  for (let round = 0; round < 4; round += 1) {
    await fill(stage, 25)
    await stage.checkpoint()
    clock.at = new Date(clock.at.getTime() + 24 * 3600 * 1000)
  }
  const whole = await rowsOf(stage)
  const folder = makeFolder(t)
  const keysOf = () => stage.keyring.keys()
  const deps = { store: stage.store, ledger: stage.ledger, now: () => clock.at, keysOf }
  const done = await archiveSegments(deps, { node: 'node-1', folder, keepDays: 2 })
  return { stage, folder, keysOf, done, whole }
}

test('archive › takes closed segments that are old enough, and all that is left verifies', async (t) => {
  const { stage, folder, keysOf, done, whole } = await archivedStage(t)
  assert.deepEqual(
    done.map(({ first, last }) => [first, last]),
    [
      [1, 26],
      [27, 52],
    ],
  )
  assert.equal((await rowsOf(stage))[0]?.seq, 53)
  await checkArchived(stage.store, await verifyLedger(stage.store, keysOf, stage.notes))
  const files = await openFiles(await listArchive(folder))
  assert.equal((await verifyLedger(files, keysOf, files.notes)).count, 52)
  const last = await openFiles((await listArchive(folder)).toSorted().slice(1))
  assert.equal((await verifyLedger(last, keysOf, last.notes)).chains[0]?.seq, 52)
  const joined = joinSources(files, stage.store)
  assert.deepEqual((await joined.readLedger('node-1', 1, 1000)).slice(0, whole.length), whole)
  await verifyLedger(joined, keysOf, stage.notes)
})

test('archive › that is changed, or records that go without being archived, are found', async (t) => {
  const { stage, folder, keysOf } = await archivedStage(t)
  const [, second = ''] = (await listArchive(folder)).toSorted()
  const text = zstdDecompressSync(readFileSync(second)).toString()
  rmSync(second)
  writeFileSync(second, zstdCompressSync(text.replace('record é 3"', 'record é 4"')))
  const files = await openFiles([second])
  await assert.rejects(verifyLedger(files, keysOf, files.notes), (error: { details: unknown }) => {
    assert.equal((error.details as { kind: string }).kind, 'flip')
    return true
  })
  // The next checkpoint would vouch for it, but nobody said that these records were archived.
  const rows = (await rowsOf(stage)).filter(({ seq }) => seq > 78)
  const cut = sourceOf(rows)
  const verified = await verifyLedger(cut, keysOf, stage.notes.slice(-1))
  await assert.rejects(checkArchived(cut, verified), { details: { seq: 1, kind: 'drop' } })
})

test('proof › of a build holds with the public key alone, and for nothing else', async () => {
  const stage = await createStage()
  const first = stage.keyring.keys()
  const build = { instance: 'ci', repo: 'octo/web', repo_id: '1', id: 9, number: 7, event: 'push' }
  const rest = { ref: 'r', sha: 's', source_repo: '', sender: 'o', trigger: 'h', status: 'running' }
  for (let index = 0; index < 40; index += 1) {
    const about = index % 9 === 0 ? { build: { ...build, ...rest } } : {}
    await stage.ledger.append({ ...someEvent(index), ...about })
    if (index === 20) await stage.checkpoint()
    if (index === 20) await stage.keyring.rotate()
  }
  const name = { repo: 'octo/web', number: 7 }
  assert.equal((await proveBuild(stage.store, () => first, name)).unsigned, 2)
  await stage.checkpoint()
  const { proof, unsigned } = await proveBuild(stage.store, () => first, name)
  assert.equal(unsigned, 0)
  const text = JSON.stringify(proof)
  const read = readProof(text)
  assert.ok(read)
  assert.equal(verifyProof(read, first).records.length, 5)
  for (const changed of [
    text.replace('"number\\":7', '"number\\":8'),
    text.replace('octo/web#7', 'octo/web#8'),
    text.replaceAll('record é 9', 'record é 8'),
    text.replace(/"path":\["[0-9a-f]{2}/, '"path":["00'),
    text.replace('\\nhead ', '\\nHead '),
  ]) {
    assert.notEqual(changed, text)
    const forged = readProof(changed)
    assert.ok(forged)
    assert.throws(() => verifyProof(forged, first), { code: 'audit_proof_invalid', exitCode: 6 })
  }
  const stranger = await openKeyring({ now, place: memoryPlace() }, 'node-1')
  assert.throws(() => verifyProof(read, stranger.keys()), { code: 'audit_proof_invalid' })
  await assert.rejects(
    proveBuild(stage.store, () => first, { repo: 'octo/web', number: 8 }),
    { code: 'audit_build_unknown', exitCode: 4 },
  )
})
