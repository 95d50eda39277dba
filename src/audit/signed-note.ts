// Signed notes and their verifier keys in the form of the C2SP specifications `signed-note` and
// `tlog-checkpoint`, as transparency logs write them, so that tools and witnesses of others read ours.
// A note is a text, an empty line, and lines "— NAME BASE64(key id, signature)"; keys are Ed25519.
import { createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto'

/** A public key that checks notes; `text` is `NAME+KEYID+BASE64`, the one form it is written in. */
export type NoteKey = { name: string; id: string; text: string; key: KeyObject }

/** What signs notes. */
export type NoteSigner = { verifier: NoteKey; privateKey: KeyObject }

// RFC 8410 §4: what stands before the 32 bytes of an Ed25519 key in DER.
const spkiPrefix = '302a300506032b6570032100'
const ed25519 = '01'

/** The verifier key of an Ed25519 public key under a name without blanks and plus signs. */
export function toNoteKey(name: string, key: KeyObject): NoteKey {
  const raw = key.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length / 2)
  const typed = `${ed25519}${raw.toString('hex')}`
  const named = Buffer.from(`${name}\n`).toString('hex')
  const id = hash('sha256', Buffer.from(`${named}${typed}`, 'hex')).slice(0, 8)
  return { name, id, key, text: `${name}+${id}+${Buffer.from(typed, 'hex').toString('base64')}` }
}

/** Reads a verifier key; undefined when the text is none, or its id is not that of the key. */
export function readNoteKey(text: string): NoteKey | undefined {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text) ?? []
  if (name === undefined || encoded === undefined) return undefined
  const typed = Buffer.from(encoded, 'base64').toString('hex')
  if (typed.length !== 66 || !typed.startsWith(ed25519)) return undefined
  try {
    const der = Buffer.from(`${spkiPrefix}${typed.slice(2)}`, 'hex')
    const key = toNoteKey(name, createPublicKey({ key: der, format: 'der', type: 'spki' }))
    return key.id === id && key.text === text ? key : undefined
  } catch {
    return undefined
  }
}

/** A text, which ends in a line feed, as a note with one signature. */
export function signNote({ verifier, privateKey }: NoteSigner, text: string): string {
  const signature = sign(null, Buffer.from(text), privateKey)
  const signed = Buffer.concat([Buffer.from(verifier.id, 'hex'), signature]).toString('base64')
  return `${text}\n— ${verifier.name} ${signed}\n`
}

/** The text of a note and which of the keys signed it; undefined when it is no note or none did. */
export function openNote(
  note: string,
  keys: Iterable<NoteKey>,
): { text: string; key: NoteKey } | undefined {
  const { text, signatures } = splitNote(note) ?? { text: '', signatures: [] }
  for (const key of keys) {
    for (const { name, id, signature } of signatures) {
      if (name !== key.name || id !== key.id) continue
      if (verify(null, Buffer.from(text), key.key, signature)) return { text, key }
    }
  }
  return undefined
}

/** The text of a note without asking who signed it; undefined when it is none. */
export function textOfNote(note: string): string | undefined {
  return splitNote(note)?.text
}

/** The ids of the keys a note says it is signed by. */
export function signersOf(note: string): string[] {
  return (splitNote(note)?.signatures ?? []).map(({ id }) => id)
}

type Signature = { name: string; id: string; signature: Buffer }

function splitNote(note: string): { text: string; signatures: Signature[] } | undefined {
  const end = note.lastIndexOf('\n\n')
  if (end < 0 || !note.endsWith('\n')) return undefined
  const signatures = note
    .slice(end + 2, -1)
    .split('\n')
    .map((line) => {
      const [, name = '', encoded = ''] = /^— (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? []
      const bytes = Buffer.from(encoded, 'base64')
      return { name, id: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) }
    })
  if (signatures.some(({ name }) => name === '')) return undefined
  return { text: note.slice(0, end + 1), signatures }
}
