// Signing keys in one file of mode 0600: a signer over it, and changes of its ring by one process at
// a time. The first start makes the first key.
import { createPrivateKey, sign, type KeyObject } from 'node:crypto'

import type { JWK } from 'jose'

import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { formatKeyFile, generateKey, parseKeyFile, toPublicJwk, type KeyFile } from './key-file.ts'
import { withFileLock } from './lock.ts'
import {
  createPrivateFile,
  readPrivateFile,
  replacePrivateFile,
  unusable,
  versionOf,
} from './private-file.ts'
import { defaultRules, publishedKeys, type Ring, type RotationRules } from './ring.ts'
import {
  stepRing,
  type KeyEvent,
  type RotationInput,
  type RotationOutcome,
  type RotationRefusal,
} from './rotation.ts'
import { shortestEncryptionKeyBytes } from './seal.ts'
import type { Signer } from './signer.ts'

/** What happens to keys is told to this before the file changes; when it rejects, nothing changes. */
export type RecordKeyEvents = (events: readonly KeyEvent[]) => Promise<void>

/** How the file is kept. */
export type KeyOptions = {
  rules?: RotationRules
  /** At least 32 bytes: private keys are then encrypted in the file, at the next write. */
  encryptionKey?: Secret | undefined
  /** Refuses to make the file: for commands that only look. */
  mustExist?: boolean
}

/** A signer whose keys can be looked at and changed. */
export type LocalSigner = Signer & {
  ring(): Ring
  rules: RotationRules
  /** Takes over what another process wrote; true when there was something. Throws keys_unreadable. */
  refresh(): Promise<boolean>
  /** One step of the ring, in the file and here; a refusal is given back. Throws keys_* or what `record` threw. */
  change(input: RotationInput): Promise<RotationRefusal | undefined>
  /** Writes the file again, encrypted with the key-encryption key or in clear. */
  rewrite(form: 'encrypted' | 'clear'): Promise<void>
}

type Deps = { now: () => Date; record?: RecordKeyEvents }

type Held = {
  version: string
  content: KeyFile
  keys: readonly JWK[]
  /** The protected header of the active key, encoded. */
  header: string
  key: KeyObject
}

/** A signer over the key file, which is made when it does not exist; throws keys_unreadable. */
export async function openLocalSigner(
  deps: Deps,
  file: string,
  options: KeyOptions = {},
): Promise<LocalSigner> {
  const { rules = defaultRules, encryptionKey } = options
  if (encryptionKey && Buffer.byteLength(encryptionKey.reveal()) < shortestEncryptionKeyBytes) {
    const why = `the key-encryption key has fewer than ${shortestEncryptionKeyBytes} bytes`
    throw unusable(file, why, undefined, 'Configure a longer key-encryption key.')
  }
  const load = async (): Promise<Held | undefined> => {
    const version = await versionOf(file)
    const content = await readPrivateFile(file)
    return content === undefined
      ? undefined
      : hold(version, await parseKeyFile(file, content, encryptionKey))
  }
  const loadSurely = async (): Promise<Held> => {
    const found = await load()
    if (found) return found
    throw unusable(file, 'it is gone')
  }
  const write = (text: string) => replacePrivateFile(file, text)

  let held = (await load()) ?? (await withFileLock(file, () => makeFile()))
  async function makeFile(): Promise<Held> {
    const found = await load()
    if (found) return found
    if (options.mustExist) throw unusable(file, 'there is none')
    const first = await settle(deps, rules, { ring: [], pairs: new Map(), isSealed: false }, {})
    await deps.record?.(first.outcome.events)
    await write(formatKeyFile(first.outcome.ring, first.pairs, encryptionKey))
    return loadSurely()
  }

  return {
    rules,
    sign: (claims) => signCompact(held, claims),
    publicKeys: () => held.keys,
    ring: () => held.content.ring,
    refresh: async () => {
      const version = await versionOf(file)
      const before = held
      if (version === before.version) return false
      const found = await loadSurely()
      // A change made here meanwhile is newer than what was read.
      if (held === before) held = found
      return true
    },
    change: (input) =>
      withFileLock(file, async () => {
        const { content } = await loadSurely()
        const { outcome, pairs } = await settle(deps, rules, content, input)
        const recorded = await recordFirst(deps, input, outcome.events)
        if (!isSame(content.ring, outcome.ring)) {
          await write(formatKeyFile(outcome.ring, pairs, encryptionKey))
        }
        held = await loadSurely()
        if (recorded instanceof Fault) throw recorded
        return outcome.refusal
      }),
    rewrite: (form) =>
      withFileLock(file, async () => {
        const { content } = await loadSurely()
        if (form === 'encrypted' && !encryptionKey) {
          const why = 'no key-encryption key is configured to encrypt it with'
          throw unusable(
            file,
            why,
            undefined,
            'Configure a key-encryption key of 32 bytes or more.',
          )
        }
        const key = form === 'encrypted' ? encryptionKey : undefined
        await write(formatKeyFile(content.ring, content.pairs, key))
        held = await loadSurely()
      }),
  }
}

async function hold(version: string, content: KeyFile): Promise<Held> {
  const pairs = publishedKeys(content.ring).map(({ kid }) => content.pairs.get(kid))
  const keys = pairs.flatMap((pair) => (pair ? [toPublicJwk(pair)] : []))
  // The active key is the first; parsing has seen to it that it is there, with its private half.
  const [active] = pairs
  if (!active) throw new Error('a key file without an active key')
  const { kid } = active.public
  const key = createPrivateKey({ key: { ...active.public, ...active.private }, format: 'jwk' })
  return { version, content, keys, header: encode({ alg: 'RS256', typ: 'JWT', kid }), key }
}

// A compact JWS (RFC 7515 §7.1). By hand, because JOSE libraries sign through WebCrypto, which takes
// twice the time on the main thread of node:crypto's own pool job (measured: docs/performance.md).
function signCompact(
  { header, key }: Held,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  const input = `${header}.${encode(claims)}`
  return new Promise((resolve, reject) => {
    sign('sha256', Buffer.from(input), key, (error, signature) => {
      if (error) reject(error)
      else resolve(`${input}.${signature.toString('base64url')}`)
    })
  })
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

// A key takes long to make, so one is made only when the step turns out to want it.
async function settle(
  { now }: Deps,
  rules: RotationRules,
  content: KeyFile,
  input: RotationInput,
): Promise<{ outcome: RotationOutcome; pairs: KeyFile['pairs'] }> {
  const at = now()
  const outcome = stepRing(rules, content.ring, at, input)
  if (!outcome.wantsKey) return { outcome, pairs: content.pairs }
  const fresh = await generateKey()
  const { kid } = fresh.public
  const pairs = new Map([...content.pairs, [kid, fresh]])
  return { outcome: stepRing(rules, content.ring, at, { ...input, freshKid: kid }), pairs }
}

// A revocation must not wait for the ledger to be well; that it is not is told afterwards.
async function recordFirst(
  { record }: Deps,
  { command }: RotationInput,
  events: readonly KeyEvent[],
): Promise<Fault | undefined> {
  if (!record || events.length === 0) return undefined
  const isUrgent =
    command?.kind === 'revoke' || (command?.kind === 'activate' && command.isEmergency)
  try {
    await record(events)
    return undefined
  } catch (error) {
    if (isUrgent && error instanceof Fault) return error
    throw error
  }
}

function isSame(one: Ring, other: Ring): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** 32 random bytes in base64url kept in a file of mode 0600, made on first use; throws keys_unreadable. */
export async function openSecretFile(
  { randomBytes }: { randomBytes: (size: number) => Buffer },
  file: string,
): Promise<Buffer> {
  let content = await readPrivateFile(file)
  if (content === undefined) {
    await createPrivateFile(file, randomBytes(32).toString('base64url'))
    content = await readPrivateFile(file)
  }
  const bytes = Buffer.from((content ?? '').trim(), 'base64url')
  if (bytes.length === 32) return bytes
  throw unusable(file, 'it does not hold 32 bytes in base64url')
}
