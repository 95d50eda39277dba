// Runs the real Azurite blob service (npm `azurite`) as a child process over TLS, all data in
// memory. It checks an access token's claims but neither its signature nor any right.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { LabAuthority } from './authority.ts'

const startTimeoutMs = 30_000
const maxQuotedChars = 2_000

// The child ends with its standard input and takes its folder along, so that nothing outlives us,
// however we end.
const endWithParent = `
  import { rmSync } from 'node:fs'
  process.stdin.on('close', () => {
    rmSync(process.cwd(), { recursive: true, force: true })
    process.kill(process.pid, 'SIGKILL')
  }).resume()`

/** A running Azurite: where it listens, and the way to end it. */
export type Azurite = { host: string; port: number; close: () => Promise<void> }

/** Starts Azurite with these storage accounts; fails with its own output when it does not come up. */
export async function startAzurite(
  { authority }: { authority: LabAuthority },
  accounts: readonly string[],
): Promise<Azurite> {
  const host = '127.0.0.1'
  const { certPem, keyPem } = await authority.issue(['localhost', host])
  const folder = mkdtempSync(join(tmpdir(), 'azure-storage-drone-azurite-'))
  writeFileSync(join(folder, 'cert.pem'), certPem)
  writeFileSync(join(folder, 'key.pem'), keyPem, { mode: 0o600 })

  const child = spawnAzurite({ host, folder, accounts })
  const cleanUp = (): void => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', cleanUp)
  const close = async (): Promise<void> => {
    process.off('exit', cleanUp)
    const isGone = child.exitCode !== null || child.signalCode !== null
    const ended = isGone ? undefined : once(child, 'exit')
    cleanUp()
    await ended
  }
  try {
    return { host, port: await waitForPort(child), close }
  } catch (error) {
    await close()
    throw error
  }
}

function spawnAzurite(settings: {
  host: string
  folder: string
  accounts: readonly string[]
}): ChildProcess {
  const main = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js')
  const options = [
    ['--blobHost', settings.host],
    ['--blobPort', '0'],
    ['--oauth', 'basic'],
    ['--cert', 'cert.pem'],
    ['--key', 'key.pem'],
    ['--inMemoryPersistence'],
    ['--skipApiVersionCheck'],
    // Else a Host header could name another account than the path that was checked.
    ['--disableProductStyleUrl'],
    ['--disableTelemetry'],
    ['--silent'],
  ].flat()
  const program = ['--import', `data:text/javascript,${encodeURIComponent(endWithParent)}`, main]
  return spawn(process.execPath, [...program, ...options], {
    cwd: settings.folder,
    // Nothing else of our environment: AZURITE_DB or NODE_OPTIONS would change what runs.
    env: { AZURITE_ACCOUNTS: settings.accounts.map(withRandomKey).join(';') },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

// Nobody knows the account key: shared keys are not a way into the lab.
function withRandomKey(account: string): string {
  return `${account}:${randomBytes(64).toString('base64')}`
}

function waitForPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = ''
    const fail = (what: string): void => {
      clearTimeout(timer)
      reject(new Error(`Azurite ${what}: ${output.slice(-maxQuotedChars).trim() || 'no output'}`))
    }
    const timer = setTimeout(
      () => fail(`did not listen within ${startTimeoutMs} ms`),
      startTimeoutMs,
    )
    const read = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-2 * maxQuotedChars)
      const match = /successfully listens on https:\/\/[\d.]+:(\d+)/.exec(output)
      if (!match) return
      clearTimeout(timer)
      resolve(Number(match[1]))
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', (error) => fail(`could not be started (${error.message})`))
    child.once('exit', (code) => fail(`ended with ${code} before it listened`))
  })
}
