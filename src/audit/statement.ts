// What a signed checkpoint states of a chain (C2SP tlog-checkpoint: origin, size, root, and lines of our
// own), and how one key of a ledger vouches for the next.
import {
  openNote,
  readNoteKey,
  signNote,
  textOfNote,
  type NoteKey,
  type NoteSigner,
} from './signed-note.ts'

/** A chain at a moment: so many records, the Merkle root over their hashes, and the hash of the last one. */
export type Statement = { node: string; size: number; root: string; head: string; at: string }

const originPrefix = 'azure-storage-drone/'

/** The name under which the ledger of a node signs. */
export function originOf(node: string): string {
  return `${originPrefix}${node}`
}

/** The node whose ledger signs under this name. */
export function nodeOf(origin: string): string {
  return origin.slice(originPrefix.length)
}

/** Signs a statement. */
export function signStatement(
  signer: NoteSigner,
  { node, size, root, head, at }: Statement,
): string {
  const lines = [originOf(node), String(size), Buffer.from(root, 'hex').toString('base64')]
  return signNote(signer, [...lines, `head ${head}`, `at ${at}`, ''].join('\n'))
}

/** The statement of a note and the key that signed it; undefined when no key of its node did. */
export function openStatement(
  note: string,
  keys: Iterable<NoteKey>,
): (Statement & { key: NoteKey }) | undefined {
  const opened = openNote(note, keys)
  const statement = opened && parseStatement(opened.text)
  if (!statement || opened.key.name !== originOf(statement.node)) return undefined
  return { ...statement, key: opened.key }
}

/** What a note states, whoever signed it; undefined when it states nothing. */
export function readStatement(note: string): Statement | undefined {
  const text = textOfNote(note)
  return text === undefined ? undefined : parseStatement(text)
}

function parseStatement(text: string): Statement | undefined {
  const form =
    /^azure-storage-drone\/([^\s+/]+)\n(0|[1-9]\d{0,14})\n([A-Za-z0-9+/]{43}=)\nhead ([0-9a-f]{64})\nat (\S+)\n$/
  const [, node, size, root, head, at] = form.exec(text) ?? []
  if (node === undefined || root === undefined || head === undefined || at === undefined) {
    return undefined
  }
  const rootHex = Buffer.from(root, 'base64').toString('hex')
  return { node, size: Number(size), root: rootHex, head, at }
}

/** The word of a key for the next one of its ledger, as a note. */
export function endorse(signer: NoteSigner, next: NoteKey): string {
  return signNote(signer, `${signer.verifier.name}\nnext ${next.text}\n`)
}

/** The keys, and those they vouch for one after the other, of the same name. */
export function followEndorsements(keys: readonly NoteKey[], notes: Iterable<string>): NoteKey[] {
  const known = new Map(keys.map((key) => [key.text, key]))
  for (const note of notes) {
    const opened = openNote(note, known.values())
    const [, name, text = ''] = /^(\S+)\nnext (\S+)\n$/.exec(opened?.text ?? '') ?? []
    const next = readNoteKey(text)
    if (next && next.name === name && opened?.key.name === name) known.set(next.text, next)
  }
  return [...known.values()]
}
