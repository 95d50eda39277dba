// Nothing secret is kept or said: one run with everything in it, then a search of every row, record
// and log line for every secret that took part, and for a control that the same search must find.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { openSqliteStore } from '../store/sqlite.ts'
import {
  canaries,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  tokenOf,
  type Json,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()
const control = 'control-that-must-be-found-1f3a'

/** A secret in the spellings it could slip through in. */
const spellings = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('base64url'),
  Buffer.from(secret).toString('hex'),
  encodeURIComponent(secret),
]

test('issuer › keeps and says nothing secret, in a run with everything in it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'asd-secrecy-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const store = openSqliteStore(join(folder, 'state.db'))
  const { ask, askEnviron, tell, exchange, steps, lines } = createRehearsal(signer, { store })
  const answers: string[] = []
  const keep = async (answer: Response) => answers.push(await answer.text())

  const token = await tokenOf(ask())
  const refusal = await tokenOf(ask({ name: 'gone' }))
  const [variable] = (await (await askEnviron()).json()) as Json[]
  const environ = String(variable?.['data'])
  // The planted control: the entry's name travels to records, rows and log lines alike.
  await ask({ name: control })
  await keep(await tell())
  const idTokens: string[] = []
  for (const each of [token, environ])
    idTokens.push(String((await jsonOf(exchange(each)))['value']))
  await keep(await exchange(refusal))
  await keep(await exchange(token, `audience=a&audience=${control}`))
  await keep(await exchange(token, `audience=${control}`))
  await keep(await exchange(`${token}x`))
  await keep(await ask({ token: canaries.webhook }))
  await keep(await ask({ body: `{"repo":{"secret":"${canaries.repository}"}` }))
  await keep(await tell({ build: { id: 'x' } }))
  await keep(await ask({ build: { params: { TOKEN: canaries.repository } } }))
  await keep(await steps.request('/v1/id-token', { headers: { authorization: `Basic ${token}` } }))
  await keep(await tell({ build: { status: 'success', version: 3 } }))
  await keep(await exchange(token))
  await keep(await exchange(environ))

  const secretParts = [token, refusal, environ].map((each) => each.split('.')[2] ?? '')
  const signatures = idTokens.map((each) => each.split('.')[2] ?? '')
  const privateParts = [...Object.values(canaries), ...secretParts, ...signatures]
  for (const part of privateParts) assert.ok(part.length >= 32)

  // Rows as SQL gives them, and the bytes of the files: a value may be split over two pages.
  const rows = dump(join(folder, 'state.db'))
  await store.close()
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
  // The answers that hand a token over are not kept; all others are searched.
  const places = [lines.join('\n'), answers.join('\n'), rows, ...files]
  for (const secret of privateParts) {
    for (const spelling of spellings(secret)) {
      assert.ok(!places.some((place) => place.includes(spelling)), spelling.slice(0, 24))
    }
  }
  for (const found of [lines.join('\n'), answers.join('\n'), rows, Buffer.concat(files)]) {
    assert.ok(found.includes(control))
  }
})

function dump(file: string): string {
  const database = new DatabaseSync(file)
  const tables = ['request_token', 'build', 'ledger']
  const rows = tables.map((table) => database.prepare(`SELECT * FROM ${table}`).all())
  database.close()
  assert.ok(rows.every((each) => each.length > 0))
  return JSON.stringify(rows)
}
