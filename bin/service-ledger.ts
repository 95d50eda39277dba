// The ledger of a service: verified from its newest signed checkpoint on, written from then on, signed and
// anchored; its public keys for whoever verifies it; and old segments moved to the archive.
import { hostname } from 'node:os'
import { join } from 'node:path'

import { Hono } from 'hono'

import {
  createAnchoring,
  fileAnchor,
  readAnchorFile,
  syslogAnchor,
  type Anchor,
} from '../src/audit/anchor.ts'
import { createChainVerifier, wholeChain } from '../src/audit/chain-verifier.ts'
import { createCheckpoints, type Signing, type WriteCheckpoint } from '../src/audit/checkpoint.ts'
import { openKeyring, readVerifiers, type Keyring } from '../src/audit/keyring.ts'
import type { Ledger, OpenLedger } from '../src/audit/ledger.ts'
import { archiveSegments } from '../src/audit/retention.ts'
import type { NoteKey } from '../src/audit/signed-note.ts'
import { verifyTails, checkAnchored, type KeysOf } from '../src/audit/verify.ts'
import type { ServiceConfig } from '../src/config/service-config.ts'
import { messageOf } from '../src/core/fault.ts'
import type { Log } from '../src/core/log.ts'
import type { Secret } from '../src/core/secret.ts'
import { documentKeyPlace, fileKeyPlace, type KeyPlace } from '../src/keys/place.ts'
import type { LedgerChain, Store } from '../src/store/store.ts'

type Deps = { store: Store; now: () => Date; log: Log }

/** A ledger that was verified, and what signs it. */
export type VerifiedLedger = {
  count: number
  chains: readonly LedgerChain[]
  keyring: Keyring
  checkpointsOf: (ledger: Ledger) => WriteCheckpoint
}

/** Where a node's ledger keys are, and what they are sealed with there. */
export function ledgerKeyPlace(
  { store, now }: Pick<Deps, 'store' | 'now'>,
  { database, stateFolder, keys, tokenKey }: ServiceConfig,
  node: string,
): { now: () => Date; place: KeyPlace; sealWith: ServiceConfig['tokenKey'] } {
  const name = `ledger-key.${node}`
  const place = database
    ? documentKeyPlace(store, name)
    : fileKeyPlace(join(stateFolder, `${name}.json`))
  return { now, place, sealWith: ledgerSecretOf({ keys, database, tokenKey }) }
}

/** What ledger keys are sealed with: the key of the keys, or in a database at least the one all replicas have. */
export function ledgerSecretOf({
  keys,
  database,
  tokenKey,
}: {
  keys: ServiceConfig['keys']
  database?: ServiceConfig['database'] | undefined
  tokenKey?: Secret | undefined
}): Secret | undefined {
  return keys.encryptionKey ?? (database ? tokenKey : undefined)
}

/** The public keys of every chain that has some, by node; rejects with keys_unreadable. */
export async function readLedgerKeys(
  deps: Pick<Deps, 'store' | 'now'>,
  config: ServiceConfig,
): Promise<ReadonlyMap<string, readonly NoteKey[]>> {
  const chains = await deps.store.listChains()
  const nodes = new Set([config.node, ...chains.map(({ node }) => node)])
  const found = new Map<string, readonly NoteKey[]>()
  for (const node of nodes) {
    const keys = await readVerifiers(ledgerKeyPlace(deps, config, node), node)
    if (keys) found.set(node, keys)
  }
  return found
}

/** Verifies what was written since the newest signed checkpoint; throws audit_chain_broken or keys_unreadable. */
export async function openVerifiedLedger(
  deps: Deps,
  config: ServiceConfig,
): Promise<VerifiedLedger> {
  const { store, now, log } = deps
  const { node, ledger: settings } = config
  const keyring = await openKeyring(ledgerKeyPlace(deps, config, node), node)
  const known = await readLedgerKeys(deps, config)
  const keysOf: KeysOf = (name) => known.get(name)
  const { count, chains, verifiers } = await verifyTails(store, keysOf)
  const { file } = settings.anchor
  if (file !== undefined) await checkAnchored(store, keysOf, await readIfThere(file))
  const verifier =
    verifiers.find((each) => each.node === node) ??
    createChainVerifier(node, keyring.keys(), wholeChain)
  const signing: Signing = {
    now,
    verifier,
    keyring,
    anchor: createAnchoring({ log }, anchorsOf(deps, config)),
    segmentRecords: settings.segmentRecords,
  }
  return {
    count,
    chains,
    keyring,
    checkpointsOf: (ledger) => createCheckpoints({ store, ledger, log, signing }, node),
  }
}

/** Serves `ledger-keys` below the issuer URL: the verifier key of every node, one a line. */
export function createLedgerKeysApp(
  deps: Pick<Deps, 'store' | 'now'>,
  config: ServiceConfig,
): Hono {
  const app = new Hono()
  const { pathname } = new URL(config.issuerUrl)
  app.get(`${pathname.replace(/\/$/, '')}/ledger-keys`, async (context) => {
    const keys = [...(await readLedgerKeys(deps, config)).values()].flat()
    const lines = keys.map(({ text }) => `${text}\n`).join('')
    return context.text(lines, 200, { 'cache-control': 'public, max-age=300' })
  })
  return app
}

/** Moves old segments to the archive, now and every day; resolves to what stops it. */
export function startArchiving(
  { store, now, log, ledger }: Deps & { ledger: OpenLedger },
  config: ServiceConfig,
): () => void {
  const { archive } = config.ledger
  if (!archive) return () => undefined
  const archiveDue = async () => {
    try {
      const keys = await readLedgerKeys({ store, now }, config)
      const keysOf: KeysOf = (name) => keys.get(name)
      const retention = { node: config.node, ...archive }
      for (const done of await archiveSegments({ store, ledger, now, keysOf }, retention)) {
        log.info(done, 'a segment of the ledger was archived')
      }
    } catch (error) {
      log.error({ error: messageOf(error) }, 'the ledger could not be archived')
    }
  }
  void archiveDue()
  const timer = setInterval(() => void archiveDue(), dayMs)
  return () => clearInterval(timer)
}

const dayMs = 24 * 3600 * 1000

async function readIfThere(file: string): Promise<string[]> {
  return readAnchorFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
}

function anchorsOf({ now }: Deps, { ledger: { anchor } }: ServiceConfig): Anchor[] {
  return [
    ...(anchor.file === undefined ? [] : [fileAnchor(anchor.file)]),
    ...(anchor.syslog ? [syslogAnchor({ now, host: hostname() }, anchor.syslog)] : []),
  ]
}
