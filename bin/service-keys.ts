// Opens the signing keys where the configuration has them: in a file, in the database, or in Key Vault.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'

import type { TokenCredential } from '@azure/identity'

import { clouds } from '../src/azure/clouds.ts'
import type { ServiceConfig } from '../src/config/service-config.ts'
import { openVaultKey } from '../src/keys/key-vault-client.ts'
import { openVaultSigner } from '../src/keys/key-vault.ts'
import { openLocalSignerAt, type LocalSigner } from '../src/keys/local.ts'
import type { RecordKeyEvents, RingSigner } from '../src/keys/place-signer.ts'
import { documentKeyPlace, fileKeyPlace, type Documents, type KeyPlace } from '../src/keys/place.ts'
import { createQueue, type QueueClock } from '../src/keys/queue.ts'
import { rotationRules, type VaultSettings } from '../src/keys/settings.ts'
import { readOrFault } from './service-listen.ts'

/** The signer; one whose private keys are in our hands can write them anew, encrypted or in clear. */
export type OpenKeys = { signer: RingSigner; rewrite: LocalSigner['rewrite'] | undefined }

type Deps = {
  now: () => Date
  record: RecordKeyEvents
  /** Where replicas share a database, the ring is in it. */
  store: Documents
}

/** Opens the keys, which are made when there are none; throws keys_*. */
export async function openKeys(
  deps: Deps,
  config: Pick<ServiceConfig, 'keys' | 'stateFolder' | 'azure' | 'database'>,
  { mustExist = false }: { mustExist?: boolean } = {},
): Promise<OpenKeys> {
  const { now, record, store } = deps
  const { keys, stateFolder, database } = config
  const placeOf = (name: string): KeyPlace =>
    database ? documentKeyPlace(store, name) : fileKeyPlace(join(stateFolder, `${name}.json`))
  const rules = rotationRules(keys)
  if (!keys.vault) {
    const { encryptionKey } = keys
    const how = { rules, encryptionKey, mustExist }
    const signer = await openLocalSignerAt({ now, record }, placeOf('signing-keys'), how)
    return { signer, rewrite: (form) => signer.rewrite(form) }
  }
  const ca = readCa(config.azure.caFile)
  const credential = await signIn(keys.vault, config.azure.authorityHost, ca)
  const vault = await openVaultKey({ ...keys.vault, ca }, credential)
  const signer = await openVaultSigner(
    {
      now,
      record,
      vault,
      place: placeOf('key-vault-ring'),
      queue: createQueue(queueClock, keys.vault.queue),
      newId: randomUUID,
    },
    { rules, mustExist },
  )
  return { signer, rewrite: undefined }
}

const queueClock: QueueClock = {
  nowMs: () => performance.now(),
  wake(afterMs, work) {
    const timer = setTimeout(work, afterMs)
    return () => clearTimeout(timer)
  },
}

function readCa(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  return [...rootCertificates, readOrFault(file, 'CA file of azure')].join('\n')
}

// The library takes what it needs from the environment, as its documentation says; it is large.
async function signIn(
  { signIn: way, clientId }: VaultSettings,
  configuredHost: string | undefined,
  ca: string | undefined,
): Promise<TokenCredential> {
  const identity = await import('@azure/identity')
  const authorityHost = configuredHost ?? process.env['AZURE_AUTHORITY_HOST']
  const isMicrosofts =
    authorityHost === undefined ||
    Object.values(clouds).some(
      (each) => URL.parse(authorityHost)?.origin === new URL(each.authorityHost).origin,
    )
  const options = {
    ...(authorityHost !== undefined && { authorityHost }),
    // Another authority is none that Microsoft's directory of them knows.
    disableInstanceDiscovery: !isMicrosofts,
    ...(ca !== undefined && { tlsOptions: { ca } }),
  }
  switch (way) {
    case 'environment':
      return new identity.EnvironmentCredential(options)
    case 'managed-identity':
      return new identity.ManagedIdentityCredential(clientId === undefined ? {} : { clientId })
    case 'workload-identity':
      return new identity.WorkloadIdentityCredential({
        ...options,
        ...(clientId !== undefined && { clientId }),
      })
    default:
      return new identity.DefaultAzureCredential({
        ...options,
        ...(clientId !== undefined && {
          managedIdentityClientId: clientId,
          workloadIdentityClientId: clientId,
        }),
      })
  }
}
