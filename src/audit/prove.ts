// Proofs for outsiders: the records of one build, each with its path in the Merkle tree (RFC 9162) to the
// newest signed checkpoint. Who has the public key needs neither the ledger nor the service to check them.
import * as z from 'zod'

import { Fault } from '../core/fault.ts'
import type { LedgerRow } from '../store/store.ts'
import { createChainVerifier } from './chain-verifier.ts'
import { isSealed, readRecord } from './chain.ts'
import type { LedgerRecord } from './event.ts'
import { createProvingTree, hashLeaf, verifyInclusion } from './merkle.ts'
import type { NoteKey } from './signed-note.ts'
import { followEndorsements, openStatement } from './statement.ts'
import { findBeginning, type KeysOf, type LedgerSource } from './verify.ts'

const proofSchema = z.strictObject({
  format: z.literal('azure-storage-drone/proof/1'),
  build: z.string(),
  chains: z.array(
    z.strictObject({
      /** The signed checkpoint, as a note. */
      checkpoint: z.string(),
      /** How one key vouched for the next, as notes. */
      endorsements: z.array(z.string()),
      /** A record as it was sealed, and its path to the root, in hex. */
      records: z.array(z.strictObject({ record: z.string(), path: z.array(z.string()) })),
    }),
  ),
})

/** A proof file. */
export type Proof = z.output<typeof proofSchema>

/** Which build: the repository and the number people know it by. */
export type BuildName = { repo: string; number: number }

const pageSize = 1000

/** The proof of a build, and how many of its records are not signed yet; rejects with audit_build_unknown. */
export async function proveBuild(
  source: LedgerSource,
  keysOf: KeysOf,
  { repo, number }: BuildName,
): Promise<{ proof: Proof; unsigned: number }> {
  const chains: Proof['chains'] = []
  let unsigned = 0
  for (const { node } of await source.listChains()) {
    const keys = keysOf(node)
    if (!keys) continue
    const proven = await proveChain(source, node, keys, { repo, number })
    unsigned += proven.unsigned
    if (proven.chain.records.length > 0) chains.push(proven.chain)
  }
  if (chains.length === 0) {
    const what = unsigned > 0 ? 'no record that is signed' : 'no record'
    const hint = { hint: 'Try again in a minute, when the next checkpoint is signed.' }
    throw new Fault(
      'audit_build_unknown',
      `The ledger has ${what} of ${repo}#${number}.`,
      unsigned > 0 ? hint : {},
    )
  }
  return {
    proof: { format: 'azure-storage-drone/proof/1', build: `${repo}#${number}`, chains },
    unsigned,
  }
}

async function proveChain(
  source: LedgerSource,
  node: string,
  keys: readonly NoteKey[],
  build: BuildName,
): Promise<{ chain: Proof['chains'][number]; unsigned: number }> {
  const beginning = await findBeginning(source, node, keys)
  const verifier = createChainVerifier(node, keys, beginning)
  const leaves: string[] = []
  const endorsements: string[] = []
  const found: { seq: number; record: string }[] = []
  const readAt = async (seq: number) => (await source.readLedger(node, seq, 1))[0]
  for (;;) {
    const rows = await source.readLedger(node, verifier.end().seq + 1, pageSize)
    await verifier.take(rows, readAt)
    for (const row of rows) {
      leaves.push(hashLeaf(row.hash))
      if (isOfBuild(row, build)) found.push(row)
      if (!row.record.includes('"type":"ledger.key"')) continue
      const { endorsement } = readRecord(row)?.ledger_key ?? {}
      if (endorsement !== undefined) endorsements.push(endorsement)
    }
    if (rows.length < pageSize) break
  }
  const last = verifier.last()
  const size = last?.statement.size ?? 0
  const tree = createProvingTree(beginning.frontier, leaves)
  const signed = found.filter(({ seq }) => seq <= size)
  const records = signed.map(({ seq, record }) => ({
    record,
    path: tree.proveInclusion(seq - 1, size),
  }))
  const checkpoint = last?.reference.note ?? ''
  return { chain: { checkpoint, endorsements, records }, unsigned: found.length - signed.length }
}

function isOfBuild(row: LedgerRow, { repo, number }: BuildName): boolean {
  if (!row.record.includes(JSON.stringify(repo))) return false
  const build = readRecord(row)?.build
  return build?.repo === repo && build.number === number
}

/** Reads a proof; undefined when the text is none. */
export function readProof(text: string): Proof | undefined {
  try {
    const read = proofSchema.safeParse(JSON.parse(text))
    return read.success ? read.data : undefined
  } catch {
    return undefined
  }
}

/** What a proof shows to who trusts these keys; throws audit_proof_invalid. */
export function verifyProof(
  { build, chains }: Proof,
  keys: readonly NoteKey[],
): { records: LedgerRecord[]; signedAt: string[] } {
  const records: LedgerRecord[] = []
  const signedAt: string[] = []
  for (const chain of chains) {
    const statement = openStatement(chain.checkpoint, followEndorsements(keys, chain.endorsements))
    if (!statement) throw invalid('none of the keys given signed its checkpoint')
    const { node, size, root, at } = statement
    for (const { record: text, path } of chain.records) {
      const record = readRecord({ record: text })
      const { seq = 0, hash = '', prev = '' } = record ?? {}
      if (!record || !isSealed(prev, { seq, hash, record: text })) {
        throw invalid(`record ${seq} of ${node} is not what was sealed`)
      }
      if (!verifyInclusion({ index: seq - 1, size, root }, hashLeaf(hash), path)) {
        throw invalid(`record ${seq} is not in what ${node} signed at ${at}`)
      }
      if (`${record.build?.repo}#${record.build?.number}` !== build) {
        throw invalid(`record ${seq} of ${node} is not about ${build}`)
      }
      records.push(record)
    }
    signedAt.push(at)
  }
  if (records.length === 0) throw invalid('it has no record')
  return { records, signedAt }
}

function invalid(why: string): Fault {
  return new Fault('audit_proof_invalid', `The proof does not hold: ${why}.`)
}
