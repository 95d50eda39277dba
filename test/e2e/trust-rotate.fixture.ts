// What the rotation test runs on: a lab tenant set up by `trust apply`, the trust service as a process with
// its admin door, its public documents behind a cache that goes stale as Entra's does, a Drone API, and a
// fleet of builds that never pauses.
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { trustCommand } from '../../bin/trust.ts'
import { storageScope } from '../../src/azure/clouds.ts'
import { exchange } from '../../src/azure/entra.ts'
import { messageOf } from '../../src/core/fault.ts'
import { Secret } from '../../src/core/secret.ts'
import { startProgram, type Program } from '../../src/demo/program.ts'
import { names, planTrustService, type TrustServicePlan } from '../../src/demo/trust-service.ts'
import type { HttpAnswer } from '../../src/http/http.ts'
import { openHttp } from '../../src/http/open.ts'
import { createAuthority, type LabAuthority } from '../../src/lab/authority.ts'
import { startDroneServer, type LabDroneServer } from '../../src/lab/drone-server.ts'
import { pushBuild, type LabRepository } from '../../src/lab/drone.ts'
import { listenTls } from '../../src/lab/listen.ts'
import { requestIdToken } from '../../src/plugin/id-token.ts'
import { parseRequestToken } from '../../src/plugin/request-token.ts'
import { places, startTrustLab, type TrustLab, type TrustRun } from './trust-lab.fixture.ts'

/** Everything that runs. */
export type RotationLab = TrustLab & {
  plan: TrustServicePlan
  service: Program
  droneApi: LabDroneServer
  /** `trust rotate …` at the admin door, with nobody to ask. */
  rotate: (...args: string[]) => Promise<TrustRun>
  /** `trust rotate --rename …` of the policy file. */
  rename: (...args: string[]) => Promise<TrustRun>
  /** Relying parties read the public documents anew, as they do once a day. */
  forgetDocuments: () => void
}

/** Builds that come and come; what went wrong is one line each. */
export type Fleet = {
  failures: string[]
  /** Builds that uploaded their file, by the slug they came under. */
  done: Map<string, number>
  /** Renames the repository at the host and in Drone, between two builds. */
  rename: (slug: string) => Promise<void>
  /** Waits until so many builds of this name more have ended well, or one has failed. */
  run: (slug: string, count: number) => Promise<void>
  /** One build, now; rejects with what refused it. */
  build: () => Promise<void>
  stop: () => Promise<void>
}

/** Starts everything but the builds, and sets trust up. */
export async function startRotationLab(policy: string): Promise<RotationLab> {
  const authority = await createAuthority()
  const lab = await startTrustLab(authority)
  lab.writePolicy(policy)
  const userToken = new Secret(randomBytes(32).toString('hex'))
  const droneApi = await startDroneServer({ authority }, { userToken })
  const { azure } = lab
  const plan = await planTrustService(
    {
      authority,
      now: () => new Date(),
      azure: {
        authorityHost: azure.entra.url,
        endpoints: { [places.account]: { blob: azure.storage.endpointOf(places.account) } },
      },
    },
    join(lab.folder, 'installation'),
  )
  const cache = await startCache(authority, new URL(new URL(plan.issuer).origin))
  const tokenFile = join(lab.folder, 'api.token')
  writeFileSync(tokenFile, userToken.reveal(), { mode: 0o600 })
  const api = `{ url: '${droneApi.url}', token: { file: ${tokenFile} }, ca_file: ${plan.caFile} }`
  const config = readFileSync(plan.configFile, 'utf8')
    .replace(/^issuer_url: .*$/m, `issuer_url: ${cache.url}`)
    .replace(/^policy_file: .*$/m, `policy_file: ${lab.policyFile}`)
    .replace(/^ {4}scm: gitea$/m, `    scm: gitea\n    api: ${api}`)
  writeFileSync(plan.configFile, config)
  writeFileSync(lab.configFile, config)
  const applied = await lab.run('apply --yes')
  assert.equal(applied.code, 0, applied.text)
  const service = await startProgram(
    [process.execPath, resolve('bin/service.ts'), '--config', plan.configFile],
    { readyWhen: /"msg":"ready"/ },
  )
  const door = [
    '--service',
    plan.adminUrl,
    '--admin-token-file',
    plan.adminTokenFile,
    '--ca-file',
    plan.caFile,
  ]
  const run = async (...args: string[]): Promise<TrustRun> => {
    let text = ''
    const { deps, close } = lab.open()
    const sleep = (milliseconds: number) => wait(Math.min(milliseconds, 200))
    const io = {
      readFile: (path: string) => readFileSync(path, 'utf8'),
      writeFile: (path: string, content: string) => writeFileSync(path, content),
      write: (part: string) => void (text += part),
      ask: () => Promise.resolve(undefined),
      openAzure: () => ({ deps: { ...deps, retry: { ...deps.retry, sleep } }, close }),
    }
    const code = await trustCommand(['rotate', ...args, ...door], io)
    return { code, text }
  }
  return {
    ...lab,
    plan,
    service,
    droneApi,
    rotate: run,
    rename: (...args) => run(...args, lab.policyFile, '--config', lab.configFile, '--yes'),
    forgetDocuments: cache.forget,
    async close() {
      await service.stop()
      await cache.close()
      await droneApi.close()
      await lab.close()
    },
  }
}

// The public documents as whoever read them yesterday has them.
async function startCache(authority: LabAuthority, origin: URL) {
  const http = openHttp({ maxConnections: 4, ca: [authority.caPem], maxBodyBytes: 2 ** 20 })
  const known = new Map<string, Promise<HttpAnswer>>()
  const serve = async (path: string, response: ServerResponse): Promise<void> => {
    const answer = known.get(path) ?? http.send({ method: 'GET', origin, path, headers: {} })
    known.set(path, answer)
    try {
      const { status, body } = await answer
      if (status !== 200) known.delete(path)
      response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    } catch {
      known.delete(path)
      response.writeHead(502).end()
    }
  }
  const listener = await listenTls({ authority }, ({ url = '' }, response) => {
    void serve(url, response)
  })
  const close = async () => {
    await listener.close()
    http.close()
  }
  return { url: listener.url, close, forget: () => known.clear() }
}

/** Starts builds, one every so many milliseconds, each with all that a build does. */
export function startFleet(lab: RotationLab, everyMs: number): Fleet {
  const { plan, azure } = lab
  const drone = plan.droneWith({})
  const http = openHttp({
    maxConnections: 16,
    ca: [lab.authority.caPem],
    maxBodyBytes: 1024 * 1024,
  })
  const deps = {
    send: http.send,
    now: () => new Date(),
    random: Math.random,
    sleep: (milliseconds: number) => wait(milliseconds),
    userAgent: 'fleet/1',
  }
  const endpoint = new URL(azure.storage.endpointOf(places.account))
  let repository: LabRepository = plan.repository
  let lastId = 10_000
  const running = new Set<Promise<void>>()
  const failures: string[] = []
  const done = new Map<string, number>()

  const buildAs = async (as: LabRepository): Promise<void> => {
    lastId += 1
    const build = pushBuild(as, { id: lastId, number: lastId, status: 'running', version: 2 })
    lab.droneApi.put(as, build)
    const told = await drone.sendWebhook(as, build)
    assert.ok(told.status < 300, told.body)
    const offered = await drone.requestSecret(as, build, names.entry)
    assert.equal(offered.status, 200, offered.body)
    const { data } = JSON.parse(offered.body) as { data: string }
    const { value, identity } = await requestIdToken(
      deps,
      parseRequestToken(new Secret(data)),
      names.audience,
    )
    const { token } = await exchange(deps, {
      authorityHost: azure.entra.url,
      tenantId: identity.tenantId ?? '',
      clientId: identity.clientId ?? '',
      assertion: value,
      scope: storageScope,
      clientRequestId: randomUUID(),
    })
    const uploaded = await http.send({
      method: 'PUT',
      origin: endpoint,
      path: `${endpoint.pathname}/${places.container}/octo/hello/${build.id}.txt`,
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        'x-ms-version': '2026-02-06',
        'x-ms-blob-type': 'BlockBlob',
      },
      body: Buffer.from(`build ${build.id}`),
    })
    assert.equal(uploaded.status, 201, uploaded.body.toString())
    await drone.sendWebhook(as, { ...build, status: 'success', version: 3 })
    done.set(as.slug, (done.get(as.slug) ?? 0) + 1)
  }
  const begin = () => {
    const as = repository
    const one = buildAs(as)
      .catch((error: unknown) => void failures.push(`${as.slug}: ${messageOf(error)}`))
      .finally(() => running.delete(one))
    running.add(one)
  }
  let timer = setInterval(begin, everyMs)
  return {
    failures,
    done,
    rename: async (slug) => {
      clearInterval(timer)
      await Promise.all(running)
      lab.droneApi.remove(repository)
      repository = { ...repository, slug }
      timer = setInterval(begin, everyMs)
    },
    run: async (slug, count) => {
      const goal = (done.get(slug) ?? 0) + count
      while ((done.get(slug) ?? 0) < goal && failures.length === 0) {
        await Promise.race(running.size > 0 ? running : [wait(everyMs)])
      }
    },
    build: () => buildAs(repository),
    stop: async () => {
      clearInterval(timer)
      await Promise.all(running)
      http.close()
    },
  }
}
