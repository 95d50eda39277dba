// One key of one vault through Microsoft's SDK, which is large and loaded only when a vault is configured.
// It does not retry: whoever asks knows better whether there is time for it.
import type { TokenCredential } from '@azure/identity'

import { toVaultFailure, toVaultFault } from './key-vault-errors.ts'

/** What the service does with the versions of its key; all throw keys_vault_*, and keys_busy if too often. */
export type VaultKey = {
  /** For sentences: the URL of the key without a version. */
  id: string
  /** Makes a version, an RSA key of 2048 bits, and with the first one the key. */
  create: (tags: Readonly<Record<string, string>>) => Promise<VaultVersion>
  list: () => Promise<VaultVersionRow[]>
  disable: (version: string) => Promise<void>
  /** The RS256 signature of a SHA-256 digest; throws Throttled when asked too often. */
  sign: (version: string, digest: Buffer) => Promise<Buffer>
}

/** A new version with its public key, n and e in base64url. */
export type VaultVersion = { version: string; n: string; e: string }

/** A version in the list. */
export type VaultVersionRow = {
  version: string
  isEnabled: boolean
  tags: Readonly<Record<string, string>>
}

/** Where the key is. */
export type VaultAddress = {
  /** `https://NAME.vault.azure.net` */
  url: string
  key: string
  /** PEM of the certificates to trust, when Node's own do not suffice. */
  ca?: string | undefined
}

const patienceMs = 10_000

// Where Microsoft's vaults are; the SDK then insists that the vault asks for a token for just that domain.
const vaultDomains = /\.(vault|managedhsm)\.(azure\.net|azure\.cn|usgovcloudapi\.net)$/

/** Opens a key; nothing is asked before the first call. */
export async function openVaultKey(
  { url, key, ca }: VaultAddress,
  credential: TokenCredential,
): Promise<VaultKey> {
  const { KeyClient } = await import('@azure/keyvault-keys')
  const client = new KeyClient(url, credential, {
    retryOptions: { maxRetries: 0 },
    disableChallengeResourceVerification: !vaultDomains.test(new URL(url).hostname),
    ...(ca !== undefined && { tlsOptions: { ca } }),
  })
  const id = `${url}/keys/${key}`
  const call = <Value>(about: string, work: () => Promise<Value>): Promise<Value> =>
    work().catch((error: unknown) => {
      throw toVaultFault(error, about)
    })
  const patience = () => ({ abortSignal: AbortSignal.timeout(patienceMs) })
  const signers = new Map<string, ReturnType<typeof client.getCryptographyClient>>()
  return {
    id,
    create: (tags) =>
      call(id, async () => {
        const options = { keySize: 2048, keyOps: ['sign', 'verify'], tags, ...patience() }
        const made = await client.createKey(key, 'RSA', options)
        const { n, e } = made.key ?? {}
        const { version } = made.properties
        if (!n || !e || !version) throw new Error('the new version has no public key')
        return { version, n: toBase64Url(n), e: toBase64Url(e) }
      }),
    list: () =>
      call(id, async () => {
        const rows: VaultVersionRow[] = []
        for await (const row of client.listPropertiesOfKeyVersions(key, patience())) {
          const { version = '', enabled = true, tags = {} } = row
          rows.push({ version, isEnabled: enabled, tags })
        }
        return rows
      }),
    disable: (version) =>
      call(`${id}/${version}`, async () => {
        await client.updateKeyProperties(key, version, { enabled: false, ...patience() })
      }),
    async sign(version, digest) {
      const signer =
        signers.get(version) ?? client.getCryptographyClient(key, { keyVersion: version })
      signers.set(version, signer)
      try {
        const { result } = await signer.sign('RS256', digest, patience())
        return Buffer.from(result)
      } catch (error) {
        throw toVaultFailure(error, `${id}/${version}`)
      }
    },
  }
}

function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
