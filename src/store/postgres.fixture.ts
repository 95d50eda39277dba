// A real PostgreSQL server for tests and suites: initialised in a temporary folder, on loopback, with a
// password. It refuses to run as root, so root runs it as somebody else.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { Secret } from '../core/secret.ts'
import type { PostgresSettings } from './postgres.ts'

/** A running server. */
export type TestServer = {
  /** Settings of a fresh, empty database. */
  createDatabase: () => Promise<PostgresSettings>
  /** Kills every connection, as a failover does. */
  cutConnections: () => Promise<void>
  /** Ends it at once, without writing what waits in memory, and starts it again. */
  crash: () => Promise<void>
  /** Stops it at once and removes its folder. */
  stop: () => Promise<void>
}

/** Folder of the server's programs; undefined when there is none on this machine. */
export function findPostgres(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).toSorted(byNumber) : []
  const folders = [
    ...versions.toReversed().map((version) => join(debian, version, 'bin')),
    ...findOnPath(),
  ]
  return folders.find((folder) => existsSync(join(folder, 'initdb')))
}

function findOnPath(): string[] {
  const { stdout } = spawnSync('sh', ['-c', 'command -v initdb'], { encoding: 'utf8' })
  return stdout.trim() === '' ? [] : [dirname(stdout.trim())]
}

/** Why tests that need a server do not run; false when they do. */
export function whyNoPostgres(): string | false {
  return findPostgres() === undefined && 'not run: no PostgreSQL here'
}

const password = 'of-a-test-server-only'
const user = 'asd'

/** Starts a server; throws when there is none. */
export async function startPostgres(): Promise<TestServer> {
  const programs = findPostgres()
  if (programs === undefined) throw new Error('There is no PostgreSQL here.')
  const folder = mkdtempSync(join(tmpdir(), 'asd-postgres-'))
  const owner = ownerOf(folder)
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (owner.uid !== undefined && owner.gid !== undefined) {
    chownSync(passwordFile, owner.uid, owner.gid)
  }
  execFileSync(
    join(programs, 'initdb'),
    [
      '-D',
      data,
      '-U',
      user,
      '-A',
      'scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
      '--no-sync',
    ],
    { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const port = await findPort()
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    `unix_socket_directories=${folder}`,
    // What the store must see to itself: here a commit is not on the disk for a long while.
    'synchronous_commit=off',
    'wal_writer_delay=10s',
    'wal_writer_flush_after=1GB',
    'max_connections=60',
    'shared_buffers=32MB',
  ]
  const start = () =>
    spawn(
      join(programs, 'postgres'),
      ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
      { ...owner, cwd: folder, stdio: 'ignore' },
    )
  let server = start()
  const end = async () => {
    const { exitCode, signalCode } = server
    server.kill('SIGQUIT')
    if (exitCode === null && signalCode === null) await once(server, 'exit')
  }
  const killWithUs = () => server.kill('SIGQUIT')
  process.once('exit', killWithUs)
  const urlOf = (database: string) =>
    new Secret(`postgresql://${user}:${password}@127.0.0.1:${port}/${database}`)
  const run = await connectTo(urlOf('postgres'))
  let databases = 0
  return {
    createDatabase: async () => {
      databases += 1
      await run(`CREATE DATABASE asd_${databases}`)
      return { url: urlOf(`asd_${databases}`), isInClear: true, connections: 4 }
    },
    cutConnections: () =>
      run('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()'),
    crash: async () => {
      await end()
      server = start()
      await connectTo(urlOf('postgres'))
    },
    stop: async () => {
      process.off('exit', killWithUs)
      await end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function byNumber(one: string, other: string): number {
  return Number(one) - Number(other)
}

function ownerOf(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map((what) =>
    Number(execFileSync('id', [what, 'nobody'], { encoding: 'utf8' })),
  )
  if (uid === undefined || gid === undefined) return {}
  chownSync(folder, uid, gid)
  return { uid, gid }
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return address !== null && typeof address === 'object' ? address.port : 0
}

// Waits until the server answers.
async function connectTo(url: Secret): Promise<(sql: string) => Promise<void>> {
  const { default: pg } = await import('pg')
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: url.reveal() })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query(sql)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  for (let tries = 0; ; tries += 1) {
    try {
      await run('SELECT 1')
      return run
    } catch (error) {
      if (tries > 300) throw error
    }
    await sleep(50)
  }
}
