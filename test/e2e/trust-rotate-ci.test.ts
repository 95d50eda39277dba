// What `trust rotate --finish` learns from a Drone server before it takes an old name out.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { findDeafRunners, readInstance, seeRename } from '../../bin/trust-rotate-ci.ts'
import { Secret } from '../../src/core/secret.ts'
import { createAuthority, type LabAuthority } from '../../src/lab/authority.ts'
import { startDroneServer, type LabDroneServer } from '../../src/lab/drone-server.ts'
import { pushBuild } from '../../src/lab/drone.ts'

const token = 't'.repeat(40)
const repository = { id: 1, uid: '42', slug: 'octo/greet', secret: 's', timeout: 60 }
const rename = { instance: 'main', from: 'octo/hello', to: 'octo/greet', fromId: '42', toId: '42' }

let authority: LabAuthority
let server: LabDroneServer

describe('the CI server on a rename', () => {
  before(async () => {
    authority = await createAuthority()
    server = await startDroneServer({ authority }, { userToken: new Secret(token) })
  })
  after(() => server.close())

  const see = (given = token, more = {}) => {
    const files: Record<string, string> = {
      'service.yaml': JSON.stringify({
        instances: {
          main: {
            webhook_secret: { env: 'NOT_HERE' },
            api: { url: server.url, token: { file: 'token' }, ca_file: 'ca' },
            runners: { one: { repositories: ['octo/hello'] }, two: { repositories: ['octo/*'] } },
            ...more,
          },
          bare: {},
        },
      }),
      token: given,
      ca: authority.caPem,
    }
    const io = {
      readFile: (path: string) => files[path] ?? assert.fail(path),
      writeFile: () => undefined,
      write: () => undefined,
    }
    const read = (name: string) => readInstance(io, 'service.yaml', name)
    return { read, ask: (as = rename, name = 'main') => seeRename(io, read(name), as) }
  }

  test('waits until the id has the new name', async () => {
    assert.deepEqual(await see().ask(), { state: 'pending' })
    const other = { ...repository, uid: '43' }
    server.put(other, pushBuild(other))
    assert.deepEqual(await see().ask(), { state: 'pending' }, 'another repository of that name')
    server.remove(other)
    server.put(repository, pushBuild(repository))
    assert.deepEqual(await see().ask(), { state: 'renamed' })
    assert.deepEqual(await see().ask({ ...rename, toId: '9001' }), { state: 'pending' })
  })

  test('says why it could not be asked', async () => {
    const denied = await see('wrong').ask()
    assert.ok(denied.state === 'unasked' && /refuses our token \(401\)/.test(denied.why))
    const none = await see().ask(rename, 'bare')
    assert.deepEqual(none, { state: 'unasked', why: 'the configuration names no api of it' })
    const api = { url: 'https://localhost:1', token: { file: 'token' } }
    const gone = await see(token, { api }).ask()
    assert.ok(gone.state === 'unasked' && /ECONNREFUSED/.test(gone.why))
    const open = await see(token, { api: { ...api, url: 'http://localhost:1' } }).ask()
    assert.deepEqual(open, { state: 'unasked', why: 'its api begins with http://' })
    const empty = await see('').ask()
    assert.ok(empty.state === 'unasked' && /fewer than 1 bytes/.test(empty.why))
  })

  test('names the runners that may not ask under the new name', () => {
    const instance = see().read('main')
    assert.deepEqual(findDeafRunners(instance, rename), ['one'])
    assert.deepEqual(findDeafRunners(instance, { ...rename, to: 'new/x' }), ['one', 'two'])
    assert.throws(() => see().read('other'), { code: 'config_invalid' })
  })
})
