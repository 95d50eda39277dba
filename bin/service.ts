// The trust service: reads its configuration, opens keys, store and ledger, and serves its doors: for CI
// servers and runners, for steps, for the world that reads the public documents, and for admins.
import { randomUUID, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { rootCertificates } from 'node:tls'
import { parseArgs } from 'node:util'

import { pino } from 'pino'

import { checkpointEveryMs, type WriteCheckpoint } from '../src/audit/checkpoint.ts'
import { createLedger } from '../src/audit/ledger.ts'
import { callOnce } from '../src/ci/drone/call.ts'
import { readServiceConfig, type ServiceConfig } from '../src/config/service-config.ts'
import { pinOf } from '../src/core/digest.ts'
import { Fault, messageOf } from '../src/core/fault.ts'
import { version } from '../src/core/version.ts'
import type { HttpClient } from '../src/http/http.ts'
import { createHttp } from '../src/http/node.ts'
import { createCiApp } from '../src/issuer/ci-app.ts'
import { issuerOf } from '../src/issuer/discovery.ts'
import { createKeyRecorder, startKeyKeeper, type KeyKeeper } from '../src/issuer/freshness.ts'
import { createHealthApp } from '../src/issuer/health.ts'
import { countEvents, createMetricsApp, type EventCounts } from '../src/issuer/metrics.ts'
import { mintForBuild } from '../src/issuer/mint.ts'
import { loadPolicy, openPolicySource, type PolicySource } from '../src/issuer/policy-source.ts'
import { createPublicApp } from '../src/issuer/public-app.ts'
import type { OfferDeps } from '../src/issuer/request-token.ts'
import { createStepsApp } from '../src/issuer/steps-app.ts'
import { createWitnesses } from '../src/issuer/witness.ts'
import { parsePolicy } from '../src/policy/schema.ts'
import { keepBeforeMigration } from '../src/store/keep-before.ts'
import type { Store } from '../src/store/store.ts'
import { openAdminDoor } from './service-admin.ts'
import { openKeys } from './service-keys.ts'
import { createLedgerKeysApp, openVerifiedLedger, startArchiving } from './service-ledger.ts'
import { closeServer, listen, readOrFault } from './service-listen.ts'
import { openStore, openTokenKey, storeFileOf } from './service-store.ts'
import { keepTrail } from './service-trail.ts'

const usage = `azure-storage-drone serve --config FILE
azure-storage-drone serve --check-config FILE

Runs the trust service, or reads what it would read at its start and says what is wrong or deprecated. The configuration file is described in docs/service.md.
`

const day = 24 * 3600 * 1000
const pruneEvery = 3600 * 1000
const keepForDays = 7
const reloadEvery = 2000

/** Runs the service until SIGTERM or SIGINT; resolves to the exit code. */
export async function main(args: string[]): Promise<number> {
  const options = readArgs(args)
  const isCheck = options['check-config'] !== undefined
  if (options.help || (options.config === undefined) !== isCheck) {
    process.stdout.write(usage)
    return options.help ? 0 : 2
  }
  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 1, sync: true }),
  )
  try {
    if (options['check-config'] !== undefined) {
      const { checkConfig } = await import('./service-check.ts')
      checkConfig(options['check-config'], (text) => void process.stdout.write(text))
      return 0
    }
    const close = await start(options.config ?? '', log)
    const signal = await nextSignal()
    log.info({ signal }, 'stopping')
    await close()
    return 0
  } catch (error) {
    if (error instanceof Fault) {
      process.stderr.write(`${error.message}\nwhat to do: ${error.hint}\n`)
      return error.exitCode
    }
    log.fatal({ stack: error instanceof Error ? error.stack : String(error) }, 'a defect')
    return 70
  }
}

function readArgs(args: string[]): {
  config?: string
  'check-config'?: string
  help?: boolean
} {
  try {
    return parseArgs({
      args,
      options: {
        config: { type: 'string', short: 'c' },
        'check-config': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (cause) {
    process.stderr.write(`${messageOf(cause)}\n`)
    return {}
  }
}

async function start(configFile: string, log: pino.Logger): Promise<() => Promise<void>> {
  const now = () => new Date()
  const readFile = (path: string) => readFileSync(path, 'utf8')
  const config = readServiceConfig({ readFile, env: process.env }, configFile)
  for (const warning of config.warnings) log.warn({ deprecated: true }, warning)
  const { issuerUrl, instances } = config
  // What can be wrong with the files is told before anything is made.
  const policyFile = {
    read: () => readOrFault(config.policyFile, 'policy file'),
    parse: (text: string) => parsePolicy(text),
  }
  const firstPolicy = loadPolicy(policyFile)
  mkdirSync(config.stateFolder, { recursive: true, mode: 0o700 })
  const tokenKey = await openTokenKey(config)
  const kept = config.database ? undefined : keepBeforeMigration(storeFileOf(config))
  if (kept !== undefined) log.info({ kept }, 'the database is migrated; it was copied before')
  const store = await openStore(config)
  const { count, chains, checkpointsOf } = await openVerifiedLedger({ store, now, log }, config)
  const counts: EventCounts = new Map()
  const chain = createLedger({ store, now }, config.node)
  const ledger = countEvents(chain, counts)
  await ledger.append({ type: 'service.started', decision: 'info', detail: `version ${version}` })
  const checkpoint = checkpointsOf(ledger)
  await checkpoint()
  const record = createKeyRecorder({ ledger })
  const { signer } = await openKeys({ now, record, store }, config)
  const policies = await openPolicySource({ ...policyFile, now, ledger, log }, firstPolicy)
  log.info({ version, ledgerRecords: count, ...policies.state() }, 'starting')

  const policy = policies.current
  const witnesses = createWitnesses({ now, call: callOnce, store, ledger }, instances)
  const mintDeps = {
    now,
    sleep,
    randomId: randomUUID,
    store,
    ledger,
    signer,
    witnesses,
    policy,
    issuerUrl,
  }
  const trail = keepTrail({ store, log })
  let keeper: KeyKeeper | undefined
  const admin = await openAdminDoor(
    {
      ...mintDeps,
      log,
      tokenKey,
      catchUp: trail.catchUp,
      state: {
        policy: policies.state,
        reasons: () => keeper?.reasons() ?? ['The service is starting.'],
        checkLedger: () => chain.check(),
        verified: { at: now(), chains },
      },
      onRotated: () => void keeper?.tick(),
    },
    config,
  )
  const ciApp = createCiApp({
    now,
    store,
    ledger,
    log,
    policy,
    instances,
    tokenKey,
    service: describeService(config),
    limits: config.rateLimits,
    mintForBuild: ({ runner, ...grant }, audience) =>
      mintForBuild(mintDeps, grant, audience, { caller: { door: 'secret', runner } }),
  })
  const health = {
    store,
    ledger: chain,
    signer,
    version,
    policy: policies.state,
    keeper: { reasons: () => keeper?.reasons() ?? ['The service is starting.'] },
    ...(admin && { reviews: admin.reviews }),
  }
  ciApp.route('/', createHealthApp(health))
  ciApp.route('/', createMetricsApp({ ...health, counts, unreadyReasons: health.keeper.reasons }))
  const servers = await Promise.all([
    listen(config.listen.ci, ciApp, log, 'ci'),
    listen(
      config.listen.steps,
      createStepsApp({ ...mintDeps, log, limits: config.rateLimits }),
      log,
      'steps',
    ),
    listen(
      config.listen.public,
      createPublicApp({ issuerUrl, instances: instances.keys(), signer, log }).route(
        '/',
        createLedgerKeysApp({ store, now }, config),
      ),
      log,
      'public',
    ),
  ])
  log.info('ready')
  const http = openHttp(config)
  // Only now: its first look may be at our own public door.
  keeper = startKeyKeeper(
    { now, send: http.send, log, signer },
    {
      issuers: [...instances.keys()].map((name) => issuerOf(issuerUrl, name)),
      checkEverySeconds: config.keys.checkEverySeconds,
    },
  )
  const stopArchiving = startArchiving({ store, now, log, ledger: chain }, config)
  const stopChores = startChores({ store, policies, checkpoint, log })
  return async () => {
    stopChores()
    stopArchiving()
    await Promise.all([...servers.map((server) => closeServer(server)), admin?.close()])
    http.close()
    await keeper?.close()
    await checkpoint()
    await trail.close()
    await store.close()
  }
}

function describeService({ serviceUrl, listen: { steps } }: ServiceConfig): OfferDeps['service'] {
  const caFile = steps.tls?.caFile
  if (caFile === undefined) return { url: serviceUrl }
  return { url: serviceUrl, pin: pinOf(new X509Certificate(readOrFault(caFile, 'CA file'))) }
}

function openHttp({ keys: { caFile } }: ServiceConfig): HttpClient {
  const ca =
    caFile === undefined ? undefined : [...rootCertificates, readOrFault(caFile, 'CA file')]
  return createHttp({ maxConnections: 4, maxBodyBytes: 1024 * 1024, ...(ca && { ca }) })
}

type Chores = {
  store: Store
  policies: PolicySource
  checkpoint: WriteCheckpoint
  log: pino.Logger
}

function startChores({ store, policies, checkpoint, log }: Chores): () => void {
  const pruning = setInterval(() => {
    store.prune(new Date(Date.now() - keepForDays * day)).catch((error: unknown) => {
      log.error({ error: messageOf(error) }, 'old tokens and builds could not be removed')
    })
  }, pruneEvery)
  const reload = () => void policies.reload()
  const reloading = setInterval(reload, reloadEvery)
  const joining = setInterval(() => void checkpoint(), checkpointEveryMs)
  process.on('SIGHUP', reload)
  return () => {
    clearInterval(pruning)
    clearInterval(reloading)
    clearInterval(joining)
    process.off('SIGHUP', reload)
  }
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
}

// A door that could not be opened must not leave the others waiting.
process.exit(await main(process.argv.slice(2)))
