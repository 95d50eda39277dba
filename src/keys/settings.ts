// What an operator may choose about keys (`keys:` in the service's configuration).
import type { Secret } from '../core/secret.ts'
import type { QueueLimits } from './queue.ts'
import { defaultRules, type RotationRules } from './ring.ts'

/** Ways the service signs in to Key Vault, by the names of the configuration. */
export const vaultSignInWays = [
  'default',
  'environment',
  'managed-identity',
  'workload-identity',
] as const

/** A key in Azure Key Vault that holds the signing keys as its versions. */
export type VaultSettings = {
  /** Without a slash at the end. */
  url: string
  key: string
  signIn: (typeof vaultSignInWays)[number]
  /** Of the identity to sign in as, when the machine has several. */
  clientId?: string
  queue: QueueLimits
}

/** Far below what a vault gives (4,000 signatures in ten seconds, for all who use it). */
export const defaultVaultQueue: QueueLimits = {
  concurrency: 16,
  longestQueue: 200,
  longestWaitMs: 5000,
}

/** The choices, with units in their names. */
export type KeySettings = {
  /** Age at which the active key gives way to the next. */
  rotateAfterSeconds: number
  /** How often the public issuer URL is looked at. */
  checkEverySeconds: number
  /** Private keys are in this vault, and nowhere else. */
  vault?: VaultSettings | undefined
  /** At least 32 bytes: private keys are encrypted in the key file. */
  encryptionKey?: Secret | undefined
  /** PEM file of a private CA that the public issuer URL is trusted by. */
  caFile?: string | undefined
}

/** What holds when nothing is chosen: a new key every 90 days, a look every five minutes. */
export const defaultKeySettings: KeySettings = {
  rotateAfterSeconds: defaultRules.rotateAfterSeconds,
  checkEverySeconds: 300,
}

/** The shortest `rotate_after` that makes sense: a key needs a day to ripen, and an hour to be published. */
export const shortestRotateAfterSeconds = 2 * 24 * 3600

/** The rules for these choices; a slow look widens the gap that still counts as unbroken. */
export function rotationRules({
  rotateAfterSeconds,
  checkEverySeconds,
}: Pick<KeySettings, 'rotateAfterSeconds' | 'checkEverySeconds'>): RotationRules {
  const longestGapSeconds = Math.max(defaultRules.longestGapSeconds, 3 * checkEverySeconds)
  return { ...defaultRules, rotateAfterSeconds, longestGapSeconds }
}
