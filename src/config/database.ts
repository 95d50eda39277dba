// Where the service keeps what it knows: a PostgreSQL database that replicas share, or nothing said
// here and a file in `state_dir`. And the name under which this process writes.
import { isIP } from 'node:net'

import * as z from 'zod'

import type { Secret } from '../core/secret.ts'
import { name } from './instances.ts'
import { resolveSecret, secretReference, type ConfigSources } from './secret-reference.ts'

/** A PostgreSQL database as configured. */
export type DatabaseSettings = {
  url: Secret
  caFile: string | undefined
  isInClear: boolean
  connections: number
}

/** What has to do with replicas. */
export type ReplicaSettings = {
  database?: DatabaseSettings
  /** Key of the request tokens; without it a file of this one process is used. */
  tokenKey?: Secret
  node: string
}

/** The settings as they stand in the file. */
export const replicaFields = {
  database: z
    .strictObject({
      url: secretReference,
      ca_file: z.string().min(1).optional(),
      allow_unencrypted: z.boolean().default(false),
      max_connections: z.int().min(2).max(100).default(10),
    })
    .optional(),
  token_key: secretReference.optional(),
  node: z.union([name, z.strictObject({ env: z.string().min(1) })]).optional(),
}

const usualNode = 'node-1'

type FileFields = z.output<z.ZodObject<typeof replicaFields>>

/** The settings; what is wrong with them is added to `found`. */
export function toReplicaSettings(
  sources: ConfigSources,
  { database, token_key: tokenKey, node }: FileFields,
  found: string[],
): ReplicaSettings {
  if (database && !tokenKey) {
    found.push(
      'token_key: is required with `database`, because all replicas derive request tokens from it',
    )
  }
  if (database && node === undefined) {
    found.push('node: is required with `database`, and each replica needs another one')
  }
  return {
    ...(database && { database: toDatabase(sources, database, found) }),
    ...(tokenKey && { tokenKey: resolveSecret(sources, 'token_key', tokenKey, found) }),
    node: toNode(sources, node ?? usualNode, found),
  }
}

function toDatabase(
  sources: ConfigSources,
  file: NonNullable<FileFields['database']>,
  found: string[],
): DatabaseSettings {
  const url = resolveSecret(sources, 'database.url', file.url, found, 1)
  const isHere = checkUrl(url, found)
  if (file.ca_file !== undefined && file.allow_unencrypted) {
    found.push('database: ca_file and allow_unencrypted contradict each other')
  }
  return {
    url,
    caFile: file.ca_file,
    isInClear: file.allow_unencrypted || (isHere && file.ca_file === undefined),
    connections: file.max_connections,
  }
}

// Whether the server is on this machine. The URL has a password, so nothing of it is quoted.
function checkUrl(url: Secret, found: string[]): boolean {
  const text = url.reveal()
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (!parsed || !/^postgres(ql)?:$/.test(parsed.protocol) || parsed.pathname.length < 2) {
    if (!url.isEmpty) {
      found.push('database.url: must be of the form postgresql://user:password@host:port/database')
    }
    return false
  }
  if (parsed.search !== '') {
    found.push('database.url: must have no parameters; TLS is set by ca_file and allow_unencrypted')
  }
  const host = decodeURIComponent(parsed.hostname).replace(/^\[|\]$/g, '')
  const isSocket = host.startsWith('/')
  return isSocket || host === 'localhost' || host === '::1' || isLoopback(host)
}

function isLoopback(host: string): boolean {
  return isIP(host) === 4 && host.startsWith('127.')
}

function toNode(
  { env }: ConfigSources,
  node: NonNullable<FileFields['node']>,
  found: string[],
): string {
  if (typeof node === 'string') return node
  const value = name.safeParse(env[node.env])
  if (value.success) return value.data
  found.push(`node: the variable ${node.env} must hold lower-case letters, digits, dashes`)
  return usualNode
}
