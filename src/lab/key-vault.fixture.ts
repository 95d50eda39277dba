// For tests with a vault: a lab Entra, a vault that its application may use, and a credential that gives
// this application's tokens without an exchange.
import type { TokenCredential } from '@azure/identity'

import { type EntraKit, startEntraKit } from './entra.fixture.ts'
import { type LabKeyVault, startKeyVault, vaultAudience, type VaultAction } from './key-vault.ts'

/** What the role Key Vault Crypto Officer gives, as far as the lab knows it. */
export const officer: readonly VaultAction[] = [
  'create/action',
  'read',
  'update/action',
  'sign/action',
]

/** The running parts. */
export type VaultKit = {
  entraKit: EntraKit
  vault: LabKeyVault
  /** Tokens of the kit's application, for the vault. */
  credential: TokenCredential
  close: () => Promise<void>
}

/** Starts everything; the application may do all with keys. */
export async function startVaultKit(): Promise<VaultKit> {
  const entraKit = await startEntraKit()
  const { authority, entra } = entraKit
  const vault = await startKeyVault({ authority, entra, now: () => entraKit.time })
  vault.allow(entraKit.app.objectId, officer)
  return {
    entraKit,
    vault,
    credential: {
      async getToken() {
        const token = await entra.mintToken(entraKit.app, vaultAudience)
        return { token, expiresOnTimestamp: Date.now() + 3_599_000 }
      },
    },
    async close() {
      await vault.close()
      await entraKit.close()
    },
  }
}
