// The Ed25519 keys that a node's ledger is signed with, the newest last: in a private file, or sealed in a
// database that replicas share. Each key was endorsed by the one before it; only the newest still signs.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'

import * as z from 'zod'

import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import type { KeyPlace } from '../keys/place.ts'
import { createSealer, openSealer } from '../keys/seal.ts'
import { readNoteKey, toNoteKey, type NoteKey, type NoteSigner } from './signed-note.ts'
import { endorse, originOf } from './statement.ts'

/** The keys of one node's ledger. */
export type Keyring = {
  /** Every key that signed or signs, the newest last. */
  keys(): readonly NoteKey[]
  signer(): NoteSigner
  /** The word of the key before for the newest; undefined for the first. */
  endorsement(): string | undefined
  /** Reads again; rejects with keys_unreadable. */
  refresh(): Promise<void>
  /** Makes a new key, endorsed by the newest; rejects with keys_unreadable or keys_busy. */
  rotate(): Promise<NoteKey>
}

type Deps = {
  now: () => Date
  place: Pick<KeyPlace, 'name' | 'read' | 'write' | 'locked'>
  /** Private keys are sealed with it; without, they are in clear where only we can read. */
  sealWith?: Secret | undefined
}

const text = z.string().min(1)
const keysSchema = z
  .array(
    z.strictObject({
      verifier: text,
      created_at: text,
      endorsement: text.optional(),
      /** PKCS #8 in base64; only the newest has it. */
      private: text.optional(),
    }),
  )
  .min(1)
const fileSchema = z.union([
  z.strictObject({ version: z.literal(1), keys: keysSchema }),
  z.strictObject({
    version: z.literal(1),
    verifiers: z.array(text),
    encryption: z.strictObject({
      kdf: z.literal('HKDF-SHA-256'),
      cipher: z.literal('AES-256-GCM'),
      salt: text,
      check: text,
    }),
    sealed: text,
  }),
])
type Entries = z.output<typeof keysSchema>

/** The keys of a node, the first of which is made when there is none; rejects with keys_unreadable. */
export async function openKeyring(deps: Deps, node: string): Promise<Keyring> {
  const { place } = deps
  let entries = await readEntries(deps, node)
  if (!entries) {
    await place.locked(async () => {
      entries = await readEntries(deps, node)
      if (entries) return
      entries = [makeEntry(deps, node)]
      await place.write('', format(deps, node, entries))
    })
  }
  let current = open(deps, entries ?? [])
  return {
    keys: () => current.keys,
    signer: () => current.signer,
    endorsement: () => current.endorsement,
    refresh: async () => {
      current = open(deps, (await readEntries(deps, node)) ?? [])
    },
    rotate: () =>
      place.locked(async () => {
        const found = await place.read()
        const before = found && parse(deps, node, found.text)
        if (!found || !before) throw unreadable(deps, 'it is gone')
        const fresh = makeEntry(deps, node)
        const { signer } = open(deps, before)
        const key = readNoteKey(fresh.verifier)
        if (!key) throw unreadable(deps, 'a new key could not be made')
        const retired = before.map((entry) => ({ ...entry, private: undefined }))
        const after = [...retired, { ...fresh, endorsement: endorse(signer, key) }]
        await place.write(found.version, format(deps, node, after))
        current = open(deps, after)
        return key
      }),
  }
}

/** The public keys of a node, by its own document; undefined when it has none. Rejects with keys_unreadable. */
export async function readVerifiers(deps: Deps, node: string): Promise<NoteKey[] | undefined> {
  const entries = await readEntries(deps, node)
  return entries?.flatMap(({ verifier }) => readNoteKey(verifier) ?? [])
}

/**
 * The text of a key file as it is sealed for another place; `there`, when it is the same keys already, since
 * sealed twice they are two texts. Throws keys_unreadable.
 */
export function resealKeys(
  node: string,
  from: { name: string; text: string; sealWith: Secret | undefined },
  to: { name: string; there: string | undefined; sealWith: Secret | undefined },
): string {
  const entries = parse({ place: from, sealWith: from.sealWith }, node, from.text)
  const target = { place: to, sealWith: to.sealWith }
  const known = to.there === undefined ? undefined : parse(target, node, to.there)
  const isSame = JSON.stringify(known) === JSON.stringify(entries)
  return isSame && to.there !== undefined ? to.there : format(target, node, entries)
}

async function readEntries(deps: Deps, node: string): Promise<Entries | undefined> {
  const found = await deps.place.read()
  return found && parse(deps, node, found.text)
}

type Named = { place: { name: string }; sealWith?: Secret | undefined }

function parse(deps: Named, node: string, content: string): Entries {
  const read = fileSchema.safeParse(parseJson(content))
  if (!read.success) throw unreadable(deps, 'it is no key file of a ledger')
  const { data } = read
  if ('keys' in data) return data.keys
  const sealer = deps.sealWith && openSealer(deps.sealWith, data.encryption)
  const opened = sealer?.open(data.sealed, sealedFor(node))
  const keys = keysSchema.safeParse(parseJson(opened ?? ''))
  if (keys.success) return keys.data
  throw unreadable(deps, 'it is sealed with another key than the configured one, or was altered')
}

function format(deps: Named, node: string, keys: Entries): string {
  const sealer = deps.sealWith && createSealer(deps.sealWith)
  const content = sealer
    ? {
        version: 1,
        verifiers: keys.map(({ verifier }) => verifier),
        encryption: sealer.header,
        sealed: sealer.seal(JSON.stringify(keys), sealedFor(node)),
      }
    : { version: 1, keys }
  return `${JSON.stringify(content, undefined, 1)}\n`
}

function sealedFor(node: string): { kid: string; state: string } {
  return { kid: originOf(node), state: 'ledger' }
}

function makeEntry({ now }: Deps, node: string): Entries[number] {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    verifier: toNoteKey(originOf(node), publicKey).text,
    created_at: now().toISOString(),
    private: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
  }
}

function open(
  deps: Deps,
  entries: Entries,
): { keys: NoteKey[]; signer: NoteSigner; endorsement: string | undefined } {
  const keys = entries.flatMap(({ verifier }) => readNoteKey(verifier) ?? [])
  const [verifier, newest] = [keys.at(-1), entries.at(-1)]
  if (!verifier || newest?.private === undefined || keys.length !== entries.length) {
    throw unreadable(deps, 'it has no key to sign with')
  }
  const privateKey = readPrivate(deps, newest.private)
  if (!createPublicKey(privateKey).equals(verifier.key)) {
    throw unreadable(deps, 'its halves do not belong together')
  }
  return { keys, signer: { verifier, privateKey }, endorsement: newest.endorsement }
}

function readPrivate(deps: Deps, encoded: string) {
  try {
    return createPrivateKey({ key: Buffer.from(encoded, 'base64'), format: 'der', type: 'pkcs8' })
  } catch {
    throw unreadable(deps, 'its key cannot be read')
  }
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}

function unreadable({ place }: Pick<Named, 'place'>, why: string): Fault {
  return new Fault('keys_unreadable', `The ledger key ${place.name} cannot be used: ${why}.`, {
    hint: 'Restore it from a backup: it is the key that the checkpoints of the ledger are signed with.',
  })
}
