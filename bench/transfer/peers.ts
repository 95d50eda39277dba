// The same transfer as a command of ours and of each peer, at the peer's best settings (facts: AzCopy
// and rclone as they come unless a row says otherwise; SAS or key spares them the token).
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type { Command } from './measure.ts'
import type { Workshop } from './sink.ts'

/** Which way, between a folder or file on disk and `container/path` in the account `acct`. */
export type Transfer = {
  way: 'up' | 'down'
  local: string
  container: string
  path: string
  /** One file, or everything below a folder. */
  one: boolean
}

/** Where the peers' programs are; absent ones are said and left out. */
export type Peers = { azcopy: string; rclone: string }

const sas = 'sv=2022-11-02&ss=b&srt=co&sp=rwdl&sig=bench'

/** The peers' programs: from the environment of the door, or in the usual places. */
export function findPeers(env: Readonly<Record<string, string | undefined>>): Peers {
  const peers = {
    azcopy: env['AZCOPY'] ?? '/usr/local/bin/azcopy',
    rclone: env['RCLONE'] ?? '/usr/bin/rclone',
  }
  for (const [name, path] of Object.entries(peers)) {
    if (!existsSync(path))
      throw new Error(`${name} is not at ${path}: install it, or set ${name.toUpperCase()}`)
  }
  return peers
}

/** Our own step: the shipped bundle with its defaults, plus `settings`. */
export function ours(
  workshop: Workshop,
  origin: string,
  settings: Readonly<Record<string, string>>,
): Command {
  const where = Buffer.from(JSON.stringify({ url: origin })).toString('base64url')
  const all = {
    token: `asd1.${where}.bench`,
    account: 'acct',
    endpoint: `${origin}/acct`,
    authority_host: origin,
    ca_file: workshop.certFile,
    ...settings,
  }
  return {
    who: 'ours',
    program: process.execPath,
    args: ['dist/plugin.mjs'],
    env: Object.fromEntries(
      Object.entries(all).map(([name, value]) => [`PLUGIN_${name.toUpperCase()}`, value]),
    ),
  }
}

/** Our step for a plain transfer. */
export function oursFor(
  workshop: Workshop,
  origin: string,
  { way, local, container, path, one }: Transfer,
  more: Readonly<Record<string, string>> = {},
): Command {
  const target = path.slice(0, Math.max(0, path.lastIndexOf('/')))
  return ours(workshop, origin, {
    container,
    action: way === 'up' ? 'upload' : 'download',
    source: way === 'up' ? local : path,
    target: way === 'up' ? (one ? target : path) : local,
    ...more,
  })
}

/** AzCopy for the same; `flags` are added. */
export function azcopyFor(
  { folder, certFile }: Workshop,
  { azcopy }: Peers,
  origin: string,
  { way, local, container, path, one }: Transfer,
  flags: readonly string[] = [],
): Command {
  const remote = (tail: string) => `${origin}/acct/${container}/${tail}?${sas}`
  const places =
    way === 'up'
      ? [one ? local : `${local}/*`, remote(path)]
      : [remote(one ? path : `${path}/*`), local]
  return {
    who: 'azcopy',
    program: azcopy,
    args: [
      'copy',
      ...places,
      '--from-to',
      way === 'up' ? 'LocalBlob' : 'BlobLocal',
      '--log-level',
      'NONE',
      ...(one ? [] : ['--recursive']),
      ...flags,
    ],
    env: azcopyEnv(folder, certFile),
  }
}

/** Keeps AzCopy's logs and plans out of the home folder, and lets it trust the sink. */
export function azcopyEnv(folder: string, certFile: string): Record<string, string> {
  return {
    SSL_CERT_FILE: certFile,
    HOME: folder,
    AZCOPY_LOG_LOCATION: join(folder, 'azcopy-logs'),
    AZCOPY_JOB_PLAN_LOCATION: join(folder, 'azcopy-plans'),
    AZCOPY_DISABLE_SYSLOG: 'true',
  }
}

/** rclone for the same; `flags` are added. */
export function rcloneFor(
  workshop: Workshop,
  { rclone }: Peers,
  origin: string,
  { way, local, container, path, one }: Transfer,
  flags: readonly string[] = [],
): Command {
  const remote = `${rcloneRemote(origin, container)}${container}/${path}`
  const places = way === 'up' ? [local, remote] : [remote, local]
  const target =
    way === 'down' && one ? `${local}/${path.slice(path.lastIndexOf('/') + 1)}` : undefined
  return {
    who: 'rclone',
    program: rclone,
    args: [
      one ? 'copyto' : 'copy',
      places[0] ?? '',
      target ?? places[1] ?? '',
      '--ca-cert',
      workshop.certFile,
      '--config',
      '/dev/null',
      // What an earlier round left there is sent again.
      '--ignore-times',
      '-q',
      ...flags,
    ],
    env: { HOME: workshop.folder },
  }
}

/** rclone's connection string for the sink. */
export function rcloneRemote(origin: string, container: string): string {
  return `:azureblob,sas_url='${origin}/acct/${container}?${sas}':`
}
