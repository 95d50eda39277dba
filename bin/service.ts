// The trust service: reads its configuration, opens keys, store and ledger, and serves three doors,
// for CI servers and runners, for steps, and for the world that reads the public documents.
import { randomBytes, randomUUID, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { rootCertificates } from 'node:tls'
import { parseArgs } from 'node:util'

import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { pino } from 'pino'

import { createLedger, verifyLedger } from '../src/audit/ledger.ts'
import { callOnce } from '../src/ci/drone/call.ts'
import {
  readServiceConfig,
  type Listener,
  type ServiceConfig,
} from '../src/config/service-config.ts'
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
import { openLocalSigner, openSecretFile } from '../src/keys/local.ts'
import { rotationRules } from '../src/keys/settings.ts'
import { parsePolicy } from '../src/policy/schema.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'

const usage = `azure-storage-drone serve --config FILE

Runs the trust service. The configuration file is described in docs/service.md.
`

const day = 24 * 3600 * 1000
const pruneEvery = 3600 * 1000
const keepForDays = 7
const reloadEvery = 2000

/** Runs the service until SIGTERM or SIGINT; resolves to the exit code. */
export async function main(args: string[]): Promise<number> {
  const options = readArgs(args)
  if (options.help || options.config === undefined) {
    process.stdout.write(usage)
    return options.help ? 0 : 2
  }
  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 1, sync: true }),
  )
  try {
    const close = await start(options.config, log)
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

function readArgs(args: string[]): { config?: string; help?: boolean } {
  try {
    return parseArgs({
      args,
      options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
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
  const { issuerUrl, instances } = config
  // What can be wrong with the files is told before anything is made.
  const policyFile = {
    read: () => readOrFault(config.policyFile, 'policy file'),
    parse: (text: string) => parsePolicy(text),
  }
  const firstPolicy = loadPolicy(policyFile)
  mkdirSync(config.stateFolder, { recursive: true, mode: 0o700 })
  const tokenKey = await openSecretFile({ randomBytes }, join(config.stateFolder, 'token.key'))
  const store = openSqliteStore(join(config.stateFolder, 'state.db'))
  const { count } = await verifyLedger(store)
  const counts: EventCounts = new Map()
  const ledger = countEvents(createLedger({ store, now }, config.node), counts)
  await ledger.append({ type: 'service.started', decision: 'info', detail: `version ${version}` })
  const signer = await openLocalSigner(
    { now, record: createKeyRecorder({ ledger }) },
    join(config.stateFolder, 'signing-keys.json'),
    { rules: rotationRules(config.keys), encryptionKey: config.keys.encryptionKey },
  )
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
  let keeper: KeyKeeper | undefined
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
    signer,
    version,
    policy: policies.state,
    keeper: { reasons: () => keeper?.reasons() ?? ['The service is starting.'] },
  }
  ciApp.route('/', createHealthApp(health))
  ciApp.route(
    '/',
    createMetricsApp({ counts, policy: policies.state, unreadyReasons: health.keeper.reasons }),
  )
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
      createPublicApp({ issuerUrl, instances: instances.keys(), signer, log }),
      log,
      'public',
    ),
  ])
  const http = openHttp(config)
  // Only now: its first look may be at our own public door.
  keeper = startKeyKeeper(
    { now, send: http.send, log, signer },
    {
      issuers: [...instances.keys()].map((name) => issuerOf(issuerUrl, name)),
      checkEverySeconds: config.keys.checkEverySeconds,
    },
  )
  const stopChores = startChores(store, policies, log)
  return async () => {
    stopChores()
    await Promise.all(servers.map((server) => closeServer(server)))
    http.close()
    await keeper?.close()
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

function startChores(store: Store, policies: PolicySource, log: pino.Logger): () => void {
  const pruning = setInterval(() => {
    store.prune(new Date(Date.now() - keepForDays * day)).catch((error: unknown) => {
      log.error({ error: messageOf(error) }, 'old tokens and builds could not be removed')
    })
  }, pruneEvery)
  const reload = () => void policies.reload()
  const reloading = setInterval(reload, reloadEvery)
  process.on('SIGHUP', reload)
  return () => {
    clearInterval(pruning)
    clearInterval(reloading)
    process.off('SIGHUP', reload)
  }
}

async function listen(
  { host, port, tls }: Listener,
  app: Hono,
  log: pino.Logger,
  door: string,
): Promise<Server> {
  const listener = getRequestListener(app.fetch)
  const limits = { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000 }
  const server = tls
    ? createTlsServer(
        {
          ...limits,
          minVersion: 'TLSv1.2',
          // The CA is presented as well, so that a client can find the certificate its pin names.
          cert: [tls.certificateFile, ...(tls.caFile === undefined ? [] : [tls.caFile])]
            .map((file) => readOrFault(file, 'certificate'))
            .join('\n'),
          key: readOrFault(tls.keyFile, 'certificate key'),
        },
        listener,
      )
    : createServer(limits, listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const where = `${host}:${port}`
      reject(
        new Fault(
          'config_invalid',
          `The ${door} door cannot listen on ${where}: ${cause.message}.`,
        ),
      )
    })
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  log.info({ door, host: address.address, port: address.port, tls: tls !== undefined }, 'listening')
  return server
}

// Requests under way are finished; idle connections are closed at once.
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  await closed
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
}

function readOrFault(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('config_invalid', `The ${what} cannot be read: ${(cause as Error).message}.`, {
      cause,
    })
  }
}

// A door that could not be opened must not leave the others waiting.
process.exit(await main(process.argv.slice(2)))
