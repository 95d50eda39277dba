import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { createAuthority } from './authority.ts'
import { startAzurite } from './azurite.ts'
import { startEntra } from './entra.ts'
import { send } from './issuer.fixture.ts'

describe('azurite', () => {
  test('takes a token whatever key signed it, which is why a front stands before it', async () => {
    const authority = await createAuthority()
    const azurite = await startAzurite({ authority }, ['one', 'two'])
    const entra = await startEntra({ authority, now: () => new Date() })
    try {
      const [header, claims] = (await entra.mintOwnerToken()).split('.')
      const headers = {
        authorization: `Bearer ${header}.${claims}.AAAA`,
        'x-ms-version': '2025-11-05',
      }
      for (const name of ['one', 'two']) {
        const path = `/${name}/box?restype=container`
        const base = `https://localhost:${azurite.port}`
        const { status } = await send(authority.caPem, base, { method: 'PUT', path, headers })
        assert.equal(status, 201)
      }
    } finally {
      await entra.close()
      await azurite.close()
    }
    assert.equal(await isListening(azurite.port), false)
    await azurite.close()
  })

  test('says what Azurite said when it does not come up', async () => {
    const authority = { caPem: '', issue: async () => ({ certPem: 'none', keyPem: 'none' }) }
    await assert.rejects(
      startAzurite({ authority }, ['one']),
      /Azurite ended with 1 .*PEM|Azurite ended with 1 .*Exit due to/s,
    )
  })

  test('does not outlive a parent that is killed, nor does its folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'azure-storage-drone-parent-'))
    const here = new URL('./', import.meta.url).href
    const program = `
      const { createAuthority } = await import('${here}authority.ts')
      const { startAzurite } = await import('${here}azurite.ts')
      const azurite = await startAzurite({ authority: await createAuthority() }, ['one'])
      console.log(azurite.port)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: folder },
    })
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const port = Number(line.toString())
    assert.equal(await isListening(port), true)
    assert.equal((await readdir(folder)).length, 1)
    parent.kill('SIGKILL')
    for (let tries = 0; tries < 100 && (await isListening(port)); tries += 1) await sleep(50)
    assert.equal(await isListening(port), false)
    assert.deepEqual(await readdir(folder), [])
    await rm(folder, { recursive: true })
  })
})

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
