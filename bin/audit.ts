// `azure-storage-drone audit`: is the ledger as it was written, and what does it prove? Over the store of a
// service, or over files with nothing but a public key.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { readAnchorFile, splitNotes } from '../src/audit/anchor.ts'
import { openFiles } from '../src/audit/archive.ts'
import { proveBuild, readProof, verifyProof } from '../src/audit/prove.ts'
import { readNoteKey, type NoteKey } from '../src/audit/signed-note.ts'
import { nodeOf } from '../src/audit/statement.ts'
import { checkArchived, verifyLedger, type Verified } from '../src/audit/verify.ts'
import { Fault, messageOf } from '../src/core/fault.ts'
import { createHttp } from '../src/http/node.ts'
import { withAuditBench } from './audit-bench.ts'
import { archiveNow, rotateKey, showKeys, showSegments } from './audit-keep.ts'

const usage = `azure-storage-drone audit COMMAND

  verify --config FILE [--anchor FILE|URL]  every record of the service's ledger and its archive
  verify FILES --key KEY [--anchor …]       segment files or a proof, with the public key alone
  prove REPO#BUILD --config FILE --output FILE
                                            a build's records, with Merkle proofs for an outsider
  keys --config FILE                        the public keys of the ledger, as /ledger-keys serves them
  rotate-key --config FILE                  a new key, which the old one vouches for
  segments [archive] --config FILE          closed segments; moves those older than keep_days
  export …, reconcile …                     see docs/ledger.md

KEY is a verifier key (NAME+ID+BASE64) or a file of them. Exit code 6: the ledger is not as it was written.
`

/** What a command of this door works with. */
export type AuditDeps = { write: (text: string) => void }

type Elsewhere = (args: string[], deps: AuditDeps) => Promise<number>

const elsewhere: Readonly<Record<string, () => Promise<Elsewhere>>> = {
  export: async () => (await import('./audit-export.ts')).auditExport,
  reconcile: async () => (await import('./audit-reconcile.ts')).auditReconcile,
}

type Command = (values: Values, subjects: string[]) => Promise<string>

const commands: Readonly<Record<string, Command>> = {
  verify,
  prove,
  keys: ({ config }, subjects) => withAuditBench(config, showKeys, subjects),
  'rotate-key': ({ config }, subjects) => withAuditBench(config, rotateKey, subjects),
  segments: ({ config }, [what, ...more]) =>
    what === 'archive'
      ? withAuditBench(config, archiveNow, more)
      : withAuditBench(config, showSegments, [...(what === undefined ? [] : [what]), ...more]),
}

/** Runs `audit …`; resolves to the exit code. */
export async function auditCommand(args: string[], deps: AuditDeps): Promise<number> {
  const [name = '', ...rest] = args
  const other = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined
  if (other) return (await other())(rest, deps)
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  const { values, positionals } = readArgs(command ? rest : args)
  if (values.help) {
    deps.write(usage)
    return 0
  }
  if (!command) {
    throw new Fault('cli_usage', 'audit: expected a command; `audit --help` tells them.')
  }
  deps.write(await command(values, positionals))
  return 0
}

function readArgs(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        config: { type: 'string', short: 'c' },
        key: { type: 'string', multiple: true, default: [] as string[] },
        anchor: { type: 'string', multiple: true, default: [] as string[] },
        output: { type: 'string', short: 'o' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (cause) {
    throw new Fault('cli_usage', `audit: ${messageOf(cause)}.`, { cause })
  }
}

type Values = ReturnType<typeof readArgs>['values']

async function verify(values: Values, files: string[]): Promise<string> {
  const notes = (await Promise.all(values.anchor.map((each) => readAnchor(each)))).flat()
  if (files.length === 0) {
    return withAuditBench(values.config, async ({ source, store, keysOf, isArchived }) => {
      const verified = await verifyLedger(source, keysOf, notes)
      if (!isArchived) await checkArchived(store, verified)
      return describe(verified, notes.length)
    })
  }
  const keys = values.key.flatMap((each) => readKeys(each))
  if (keys.length === 0) throw new Fault('cli_usage', 'audit verify: files need --key.')
  const keysOf = (node: string) => keys.filter(({ name }) => nodeOf(name) === node)
  const [file = ''] = files
  const proof = files.length === 1 ? readProof(readOrFault(file)) : undefined
  if (proof) {
    const { records, signedAt } = verifyProof(proof, keys)
    return `ok ${records.length} records of ${proof.build}, signed ${signedAt.join(', ')}\n`
  }
  const source = await openFiles(files)
  const verified = await verifyLedger(source, keysOf, [...source.notes, ...notes])
  return describe(verified, notes.length)
}

function describe({ count, verifiers }: Verified, anchored: number): string {
  const lines = verifiers.map((verifier) => {
    const { node, seq, hash } = verifier.end()
    const signed = verifier.last()
    const words = signed
      ? `signed to ${signed.statement.size} at ${signed.statement.at}, ${verifier.checkpoints()} checkpoints`
      : 'not signed; vouched for by the chains that saw it'
    return `  ${node}: ${seq} records, ${words}, ends in ${hash}\n`
  })
  const held = anchored > 0 ? `, held to ${anchored} anchored checkpoints` : ''
  return `ok ${count} records in ${verifiers.length} chains${held}\n${lines.join('')}`
}

async function prove(values: Values, [subject = '', ...more]: string[]): Promise<string> {
  const [, repo, digits] = /^(.+)#(\d+)$/.exec(subject) ?? []
  if (repo === undefined || values.output === undefined || more.length > 0) {
    throw new Fault('cli_usage', 'audit prove: expected REPO#BUILD and --output FILE.')
  }
  const { output } = values
  return withAuditBench(values.config, async ({ source, keysOf }) => {
    const build = { repo, number: Number(digits) }
    const { proof, unsigned } = await proveBuild(source, keysOf, build)
    writeFileSync(output, `${JSON.stringify(proof, undefined, 1)}\n`)
    const records = proof.chains.reduce((sum, chain) => sum + chain.records.length, 0)
    const late = unsigned > 0 ? `; ${unsigned} more are not signed yet, try again in a minute` : ''
    return `${records} records of ${subject} in ${output}${late}\n`
  })
}

async function readAnchor(place: string): Promise<string[]> {
  if (!/^https?:/.test(place)) {
    readOrFault(place)
    return readAnchorFile(place)
  }
  const http = createHttp({ maxConnections: 1, maxBodyBytes: 64 * 1024 * 1024 })
  try {
    const origin = new URL(place)
    const path = `${origin.pathname}${origin.search}`
    const { status, body } = await http.send({ method: 'GET', origin, path, headers: {} })
    if (status === 200) return splitNotes(body.toString())
    throw new Fault('audit_file_invalid', `The anchor ${place} answered ${status}.`)
  } finally {
    http.close()
  }
}

function readKeys(given: string): NoteKey[] {
  const text = existsSync(given) ? readOrFault(given) : given
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line) => {
    const key = readNoteKey(line.trim())
    if (key) return key
    throw new Fault(
      'cli_usage',
      'audit: --key is no verifier key (NAME+ID+BASE64) or file of such.',
    )
  })
}

function readOrFault(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('cli_usage', `audit: ${messageOf(cause)}.`, { cause })
  }
}
