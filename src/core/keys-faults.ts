// Failures of the signing keys, wherever they are kept: codes are `keys_<what>`.
import { row, type FaultRow } from './fault-row.ts'

/** Codes of the room of keys. */
export const keysFaults = {
  keys_unreadable: row(
    500,
    2,
    'Restore the key file from a backup, or remove it to make a new key (Entra then needs time to accept it).',
  ),
  keys_busy: row(
    503,
    5,
    'Try again; the keys are being changed by another process, or Key Vault is asked for more signatures than it gives.',
    true,
  ),
  keys_vault_sign_in: row(
    500,
    3,
    'Give the service a workload identity, a managed identity or the variables of one (docs/keys.md, "Key Vault"), and set `keys.key_vault.sign_in` if there are several.',
  ),
  keys_vault_denied: row(
    500,
    3,
    'Give the identity of the service the role Key Vault Crypto Officer on the key, and let its network through the firewall of the vault.',
  ),
  keys_vault_gone: row(
    500,
    4,
    'Recover the deleted key (`az keyvault key recover`), or correct `keys.key_vault`.',
  ),
  keys_vault_disabled: row(
    500,
    3,
    'Enable this version of the key in the vault again, or rotate with `issuer rotate --now --emergency`.',
  ),
  keys_vault_unreachable: row(
    503,
    5,
    'Check the network and DNS between the service and the vault, and the health of Key Vault in its region.',
    true,
  ),
  keys_vault_wrong: row(
    500,
    6,
    'Compare the version of the key in the vault with the published one; nothing signed by another key is handed out.',
  ),
  keys_unripe: row(
    409,
    4,
    'Wait until then, or add --emergency and accept that relying parties may refuse tokens for up to a day.',
  ),
  keys_unknown: row(404, 4, 'Run `azure-storage-drone issuer keys` and name one of its keys.'),
} satisfies Record<string, FaultRow>
