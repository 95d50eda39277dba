// The issuer's keys and public documents from the command line: look, rotate, revoke, publish, check.
// It works on the service's own state_dir, beside a running service, which takes changes over by itself.
import { mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { rootCertificates } from 'node:tls'

import { createLedger } from '../src/audit/ledger.ts'
import { readServiceConfig, type ServiceConfig } from '../src/config/service-config.ts'
import { Fault, messageOf } from '../src/core/fault.ts'
import { Secret } from '../src/core/secret.ts'
import { createHttp } from '../src/http/node.ts'
import { issuerOf } from '../src/issuer/discovery.ts'
import { createKeyRecorder } from '../src/issuer/freshness.ts'
import { openContainer, openFolder, type Place } from '../src/issuer/place.ts'
import { publish } from '../src/issuer/publish.ts'
import { findDifferences, parseObject, readPublished, type Send } from '../src/issuer/published.ts'
import type { RecordKeyEvents, RingSigner } from '../src/keys/place-signer.ts'
import { nextKey, removableAt, ripeAt } from '../src/keys/ring.ts'
import type { RotationRefusal } from '../src/keys/rotation.ts'
import { readArgs } from './read-args.ts'
import { openKeys, type OpenKeys } from './service-keys.ts'
import { commandNodeOf, openStore } from './service-store.ts'

const usage = `azure-storage-drone issuer COMMAND --config FILE

  keys [--json]                 the keys, their states, and what happens to them next
  rotate                        make the next key; it takes over when the public URL has served it for 24 h
  rotate --now [--emergency]    let it take over now: refused while it is not ripe, unless in an emergency
  revoke KID                    withdraw a key at once; a fresh one takes over
  publish --to DIR | URL        write the public documents to a folder, or to a blob container such as
                                https://ACCOUNT.blob.core.windows.net/$web[/prefix]
    --access-token-file FILE|-  a storage token for the container, as az account get-access-token prints it
    --drop KID                  let a key go that is published there and unknown here; may be repeated
    --check                     then check
  check [--json]                compare what the world reads with what we sign with
    --ca-file FILE              PEM of a private CA of the issuer URL or the container
  encrypt | decrypt             write the key file again, encrypted or in clear
`

const options = {
  config: { type: 'string', short: 'c' },
  to: { type: 'string' },
  'access-token-file': { type: 'string' },
  'ca-file': { type: 'string' },
  drop: { type: 'string', multiple: true, default: [] as string[] },
  now: { type: 'boolean', default: false },
  emergency: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

type Values = ReturnType<typeof read>['values']

/** Everything a command works with. */
type Bench = {
  config: ServiceConfig
  signer: RingSigner
  rewrite: OpenKeys['rewrite']
  record: RecordKeyEvents
  send: Send
  values: Values
}

const commands: Readonly<Record<string, (bench: Bench, kid: string) => Promise<void>>> = {
  keys: showKeys,
  rotate,
  revoke,
  publish: publishDocuments,
  check,
  encrypt: (bench) => rewriteKeys(bench, 'encrypted'),
  decrypt: (bench) => rewriteKeys(bench, 'clear'),
}

/** Runs one command; resolves to the exit code. */
export async function main(args: string[]): Promise<number> {
  try {
    const { values, positionals } = read(args)
    const [name = '', kid = '', ...more] = positionals
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (values.help) {
      process.stdout.write(usage)
      return 0
    }
    if (!command || more.length > 0 || (kid !== '') !== (name === 'revoke')) {
      process.stderr.write(usage)
      return 2
    }
    // Before the first start there may be documents to publish; nothing else makes a key in passing.
    const mustExist = name !== 'publish' && name !== 'rotate'
    await withBench(values, mustExist, (bench) => command(bench, kid))
    return 0
  } catch (error) {
    if (!(error instanceof Fault)) {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
      return 70
    }
    process.stderr.write(`${error.message}\nwhat to do: ${error.hint}\n`)
    return error.exitCode
  }
}

function read(args: string[]) {
  return readArgs('issuer', { args, options, allowPositionals: true })
}

async function withBench(
  values: Values,
  mustExist: boolean,
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  if (values.config === undefined) throw new Fault('cli_usage', 'issuer: --config is missing.')
  const now = () => new Date()
  const readFile = (path: string) => readFileSync(path, 'utf8')
  const config = readServiceConfig({ readFile, env: process.env }, values.config)
  const settings = config.keys
  const caFile = values['ca-file'] ?? settings.caFile
  const ca = caFile === undefined ? undefined : [...rootCertificates, readOrFault(caFile)]
  const http = createHttp({ maxConnections: 4, maxBodyBytes: 1024 * 1024, ...(ca && { ca }) })
  if (!mustExist) mkdirSync(config.stateFolder, { recursive: true, mode: 0o700 })
  const store = await openStore(config)
  try {
    const record = createKeyRecorder({
      ledger: createLedger({ store, now }, commandNodeOf(config)),
    })
    const { signer, rewrite } = await openKeys({ now, record, store }, config, { mustExist })
    await work({ config, signer, rewrite, record, send: http.send, values })
  } finally {
    http.close()
    await store.close()
  }
}

async function rewriteKeys(bench: Bench, form: 'encrypted' | 'clear'): Promise<void> {
  if (bench.rewrite) return bench.rewrite(form)
  throw new Fault(
    'cli_usage',
    'issuer: the private keys are in Key Vault; there is nothing to encrypt.',
  )
}

async function showKeys({ signer, values }: Bench): Promise<void> {
  if (values.json) {
    print(JSON.stringify({ keys: signer.ring() }))
    return
  }
  for (const key of signer.ring()) {
    const ripe = ripeAt(signer.rules, key)?.toISOString() ?? 'when the public URL has served it'
    const what = {
      next: `ripe ${ripe}`,
      active: `signs since ${(key.activatedAt ?? key.createdAt).toISOString()}`,
      retired: `published until ${removableAt(signer.rules, key).toISOString()}`,
      revoked: `revoked ${key.endedAt?.toISOString()}`,
      removed: `removed ${key.endedAt?.toISOString()}`,
    }[key.state]
    print(`${key.kid}  ${key.state.padEnd(7)}  ${what}`)
  }
}

async function rotate({ signer, values }: Bench): Promise<void> {
  if (!values.now) {
    const known = nextKey(signer.ring())?.kid
    await order(signer.change({ command: { kind: 'prepare' } }))
    const next = nextKey(signer.ring())
    print(
      `${next?.kid}  ${known === undefined ? 'is made' : 'was made before'}; it takes over when the public URL has served it for 24 h.`,
    )
    print('Publish now, if the issuer URL is served by anything but this service: issuer publish.')
    return
  }
  await order(signer.change({ command: { kind: 'activate', isEmergency: values.emergency } }))
  print(`${signer.publicKeys()[0]?.kid}  signs from now on.`)
  if (values.emergency) print(emergencyAdvice)
}

const emergencyAdvice =
  'Publish now (issuer publish), unless this service serves the issuer URL itself. Relying parties may refuse the new key for half an hour or longer.'

async function revoke({ signer }: Bench, kid: string): Promise<void> {
  await order(signer.change({ command: { kind: 'revoke', kid } }))
  print(`${kid}  is revoked and no longer published; ${signer.publicKeys()[0]?.kid} signs.`)
  print(emergencyAdvice)
  print(
    'Relying parties may cache the revoked key, for a day or longer: disable the federated credentials (or the service principals) that trust this issuer until then.',
  )
}

async function order(change: Promise<RotationRefusal | undefined>): Promise<void> {
  const refusal = await change
  if (!refusal) return
  if (refusal.kind === 'unknown-key') {
    throw new Fault('keys_unknown', `There is no key ${refusal.kid} that could be revoked.`)
  }
  if (refusal.kind === 'nothing-prepared') {
    const hint = 'Run `azure-storage-drone issuer rotate` first, or add --emergency.'
    throw new Fault('keys_unripe', 'There is no next key that could take over.', { hint })
  }
  const when = refusal.ripeAt
    ? `it is ripe at ${refusal.ripeAt.toISOString()}, if the public URL serves it until then`
    : 'the public issuer URL does not serve it yet, so its 24 hours have not begun'
  throw new Fault('keys_unripe', `The key ${refusal.kid} may not sign yet: ${when}.`)
}

async function publishDocuments(bench: Bench): Promise<void> {
  const { config, signer, record, values } = bench
  const place = await openPlace(bench)
  const publication = {
    issuerUrl: config.issuerUrl,
    instances: config.instances.keys(),
    drop: values.drop,
  }
  const { issuers, kids } = await publish({ place, keys: signer, record }, publication)
  for (const issuer of issuers) print(`${issuer}  ${kids.length} key(s) at ${place.name}`)
  if (values.check) await check(bench)
}

async function openPlace({ send, values }: Bench): Promise<Place> {
  const { to, 'access-token-file': tokenFile } = values
  if (to === undefined) throw new Fault('cli_usage', 'issuer publish: --to is missing.')
  if (!/^https?:/i.test(to)) return openFolder(resolve(to))
  const isContainer = URL.canParse(to) && /^https:\/\/[^/?#@]+\/[^/?#]+[^?#]*$/.test(to)
  if (!isContainer) {
    throw new Fault('cli_usage', `issuer publish: ${to.split('?')[0]} is no https container URL.`)
  }
  if (tokenFile === undefined) {
    throw new Fault('cli_usage', 'issuer publish: a container needs --access-token-file.')
  }
  const given = tokenFile === '-' ? await text(process.stdin) : readOrFault(tokenFile)
  // The whole answer of az account get-access-token will do as well.
  const { accessToken } = parseObject(given) ?? {}
  const token = (typeof accessToken === 'string' ? accessToken : given).trim()
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new Fault('cli_usage', 'issuer publish: the access token is empty or not one line.')
  }
  return openContainer({ send, token: new Secret(token) }, to)
}

async function check({ config, signer, send, values }: Bench): Promise<void> {
  const expected = { keys: signer.publicKeys(), ring: signer.ring() }
  const issuers = [...config.instances.keys()].map((name) => issuerOf(config.issuerUrl, name))
  const seen = await Promise.all(issuers.map((issuer) => readPublished({ send }, issuer)))
  const differences = seen.flatMap((issuer) => findDifferences(expected, issuer))
  if (values.json) print(JSON.stringify({ issuers, differences }))
  else for (const { sentence } of differences) print(sentence)
  const count = `${differences.length} difference(s) between what the world reads and what we sign with`
  // What is wrong for certain outweighs what may pass.
  if (differences.some(({ kind }) => kind === 'differs')) {
    throw new Fault('issuer_published_differs', `There are ${count}.`)
  }
  if (differences.length > 0) throw new Fault('issuer_published_unreachable', `There are ${count}.`)
  if (!values.json) {
    print(`${issuers.length} issuer(s): what the world reads is what we sign with.`)
  }
}

function readOrFault(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('cli_usage', `issuer: ${messageOf(cause)}.`, { cause })
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

process.exit(await main(process.argv.slice(2)))
