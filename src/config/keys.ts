// Where the signing keys are and how they turn over: `keys:` of the configuration.
import * as z from 'zod'

import { parseDurationSeconds } from '../core/time.ts'
import {
  defaultKeySettings,
  defaultVaultQueue,
  shortestRotateAfterSeconds,
  vaultSignInWays,
  type KeySettings,
  type VaultSettings,
} from '../keys/settings.ts'
import { plainUrl } from './instances.ts'
import { resolveSecret, secretReference, type ConfigSources } from './secret-reference.ts'

const vaultUrl = plainUrl
  .refine((text) => text.startsWith('https:'), 'must begin with https://')
  .refine(
    (text) => URL.parse(text)?.pathname === '/',
    'must be of the form https://NAME.vault.azure.net',
  )

const vaultSchema = z
  .strictObject({
    url: vaultUrl,
    key: z.string().regex(/^[0-9a-zA-Z-]{1,127}$/, 'must be 1 to 127 letters, digits and hyphens'),
    sign_in: z.enum(vaultSignInWays).default('default'),
    client_id: z.guid().optional(),
    queue: z
      .strictObject({
        concurrency: z.int().min(1).max(256).default(defaultVaultQueue.concurrency),
        length: z.int().min(0).max(10_000).default(defaultVaultQueue.longestQueue),
        wait: duration(1, '1s').default(defaultVaultQueue.longestWaitMs / 1000),
      })
      .prefault({}),
  })
  .transform(({ url, key, sign_in: signIn, client_id: clientId, queue }): VaultSettings => ({
    url,
    key,
    signIn,
    ...(clientId !== undefined && { clientId }),
    queue: {
      concurrency: queue.concurrency,
      longestQueue: queue.length,
      longestWaitMs: queue.wait * 1000,
    },
  }))

/** The `keys` of the file. */
export const keysSchema = z
  .strictObject({
    store: z.enum(['file', 'database']).optional(),
    key_vault: vaultSchema.optional(),
    rotate_after: duration(shortestRotateAfterSeconds, '2d').optional(),
    check_every: duration(10, '10s').optional(),
    encryption_key: secretReference.optional(),
    ca_file: z.string().min(1).optional(),
  })
  .default({})

/** The settings; what is wrong is added to `found`. With a database several replicas share the keys. */
export function toKeySettings(
  sources: ConfigSources,
  file: z.output<typeof keysSchema>,
  { hasDatabase }: { hasDatabase: boolean },
  found: string[],
): KeySettings {
  const { rotateAfterSeconds, checkEverySeconds } = defaultKeySettings
  const { encryption_key: encryptionKey, ca_file: caFile, key_vault: vault } = file
  found.push(...(vault ? contradictVault(file) : contradictStore(file, hasDatabase)))
  return {
    rotateAfterSeconds: file.rotate_after ?? rotateAfterSeconds,
    checkEverySeconds: file.check_every ?? checkEverySeconds,
    ...(encryptionKey && {
      encryptionKey: resolveSecret(sources, 'keys.encryption_key', encryptionKey, found),
    }),
    ...(vault && { vault }),
    ...(caFile !== undefined && { caFile }),
  }
}

type KeysFile = z.output<typeof keysSchema>

function contradictVault({ store, encryption_key: encryptionKey }: KeysFile): string[] {
  return [
    ...(store ? ['keys.store: says nothing beside keys.key_vault; leave it out'] : []),
    ...(encryptionKey
      ? ['keys.encryption_key: has nothing to encrypt, for private keys stay in the vault']
      : []),
  ]
}

function contradictStore(
  { store, encryption_key: encryptionKey }: KeysFile,
  hasDatabase: boolean,
): string[] {
  if (hasDatabase && store !== 'database') {
    return [
      'keys.store: must be database, or key_vault be set, so that all replicas have the same keys',
    ]
  }
  if (store !== 'database') return []
  return [
    ...(hasDatabase ? [] : ['keys.store: there is no database; name it in `database`']),
    ...(encryptionKey ? [] : ['keys.encryption_key: is needed for keys in a database']),
  ]
}

function duration(shortestSeconds: number, shortest: string) {
  return z.string().transform((text, context) => {
    const seconds = parseDurationSeconds(text)
    if (seconds !== undefined && seconds >= shortestSeconds) return seconds
    const message = `"${text}" must be a time of at least ${shortest}, such as 90d, 12h or 5m`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}
