// What parties are shown tokens of: our trust service as a process, reached by signed requests of a
// Drone over its real doors, and a lab Azure. Wrong subjects, audiences and issuers are real builds of
// others, expired tokens are real ones of an hour ago; only wrong keys are made here.
import { writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'

import {
  generateKeyPair,
  calculateJwkThumbprint,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  SignJWT,
} from 'jose'

import { runProgram, startProgram, type Program } from '../../src/demo/program.ts'
import { names, planTrustService, type TrustServicePlan } from '../../src/demo/trust-service.ts'
import { createAuthority, type LabAuthority } from '../../src/lab/authority.ts'
import { type LabAzure, startAzure } from '../../src/lab/azure.ts'
import { type LabRepository, pushBuild } from '../../src/lab/drone.ts'
import type { LabApp } from '../../src/lab/entra-directory.ts'
import { shiftClock } from '../doctor/shifted-clock.ts'
import type { Column, Question } from './party.ts'
import type { Finder } from './programs.ts'
import { addInstance, audiences, otherEntry, policyText, type Server } from './service-files.ts'
import { startStandIn } from './stand-in.ts'

/** Everything that runs, and tokens. */
export type PartyLab = {
  folder: string
  authority: LabAuthority
  azure: LabAzure
  plan: TrustServicePlan
  finder: Finder
  issuer: string
  subject: string
  /** Who the right build is in Azure. */
  app: LabApp
  /** One of the seven tokens, for a party of this audience. */
  question: (column: Column, audience: string) => Promise<Question>
  /** Runs a program with exactly these variables, PATH and HOME aside. */
  run: (
    command: readonly string[],
    env: Readonly<Record<string, string>>,
  ) => Promise<{ exitCode: number; output: string }>
  /** Writes a file that only we can read, and gives its path. */
  write: (name: string, content: string) => string
  /** What the service says at a URL, trusted by the lab's authority. */
  fetch: (
    url: string,
    headers?: Record<string, string>,
  ) => Promise<{ status: number; body: string }>
  close: () => Promise<void>
}

const anHourAgo = -3600

/** Starts everything in a folder; `service` is the command of the trust service. */
export async function startPartyLab(
  folder: string,
  { service, finder }: { service: readonly string[]; finder: Finder },
): Promise<PartyLab> {
  const authority = await createAuthority()
  const now = () => new Date()
  const azure = await startAzure({ authority, now }, { accounts: [names.account] })
  await azure.createContainer(names.account, names.container)
  const plan = await planTrustService({ authority, now }, folder)
  const { repository } = plan
  const other = { ...repository, id: 2, uid: '4712', slug: 'octo/other' }
  const otherServer = addInstance(plan)
  const { app } = azure.addAdministrator({ displayName: names.identity, roles: ['Reader'] })
  const subject = `repo:${repository.slug}@${repository.uid}:ref:refs/heads/main`
  app.addCredential({ name: 'main', issuer: plan.issuer, subject, audience: audiences.azure })
  azure.storage.assignRole({
    principalId: app.objectId,
    role: 'Storage Blob Data Contributor',
    account: names.account,
    container: names.container,
  })
  writeFileSync(join(folder, 'policy.yaml'), policyText([repository, other], azure.tenantId, app))

  const fetchText = fetchWith(authority)
  const standIn = await startStandIn({ authority })
  const start = (aheadSeconds: number) => startService(service, plan, aheadSeconds)
  const expired = await mintExpired(start, plan, fetchText)
  const running = await start(0)
  const source = (audience: string, who: Partial<Who>) =>
    askDrone(plan, { audience, repository, ...who })
  const read = async (at: { url: string; bearer: string }): Promise<Question> => ({
    ...at,
    token: await exchange(fetchText, at),
  })
  const stranger = await createStranger()
  const forged = async (audience: string, kid?: string) => {
    const { token } = await read(await source(audience, {}))
    return standIn.serve(await stranger.forge(token, kid))
  }
  const make: Record<Column, (audience: string) => Promise<Question>> = {
    right: async (audience) => read(await source(audience, {})),
    sub: async (audience) => read(await source(audience, { repository: other, entry: otherEntry })),
    aud: async () => read(await source(audiences.nobody, {})),
    iss: async (audience) => read(await source(audience, { server: otherServer })),
    key: (audience) => forged(audience),
    kid: (audience) => forged(audience, stranger.kid),
    exp: async (audience) => standIn.serve(expired.get(audience) ?? ''),
  }
  return {
    folder,
    authority,
    azure,
    plan,
    finder,
    issuer: plan.issuer,
    subject,
    app,
    question: (column, audience) => make[column](audience),
    run: (command, env) =>
      runProgram(command, {
        cwd: folder,
        env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: folder, ...env },
      }),
    write: (name, content) => {
      const file = join(folder, name)
      writeFileSync(file, content, { mode: 0o600 })
      return file
    },
    fetch: fetchText,
    close: async () => {
      await running.stop()
      await standIn.close()
      await azure.close()
    },
  }
}

function startService(
  [node = '', ...args]: readonly string[],
  plan: TrustServicePlan,
  aheadSeconds: number,
): Promise<Program> {
  const command = [node, ...shiftClock(aheadSeconds), ...args, '--config', plan.configFile]
  return startProgram(command, { readyWhen: /"msg":"ready"/ })
}

type FetchText = PartyLab['fetch']
type Who = {
  repository: LabRepository
  entry: string
  server: Server
  audience: string
  now: () => Date
}

let lastBuild = 900

// A request token for a new build, and the address where it is exchanged.
async function askDrone(
  plan: TrustServicePlan,
  {
    repository,
    entry = names.entry,
    server,
    audience,
    now,
  }: Partial<Who> & Pick<Who, 'repository' | 'audience'>,
): Promise<{ url: string; bearer: string }> {
  lastBuild += 1
  const drone = plan.droneWith({ ...server, ...(now && { now }) })
  const build = pushBuild(repository, {
    id: lastBuild,
    number: lastBuild,
    status: 'running',
    version: 2,
  })
  await drone.sendWebhook(repository, build)
  const { status, body } = await drone.requestSecret(repository, build, entry)
  if (status !== 200) throw new Error(`no request token for ${entry}: ${status} ${body}`)
  const { data } = JSON.parse(body) as { data: string }
  return {
    url: `${plan.serviceUrl}/v1/id-token?audience=${encodeURIComponent(audience)}`,
    bearer: data,
  }
}

async function exchange(
  fetchText: FetchText,
  at: { url: string; bearer: string },
): Promise<string> {
  const { status, body } = await fetchText(at.url, { authorization: `Bearer ${at.bearer}` })
  if (status !== 200) throw new Error(`no ID token: ${status} ${body}`)
  return (JSON.parse(body) as { value: string }).value
}

// Tokens that the same service with the same key gave out an hour ago.
async function mintExpired(
  start: (aheadSeconds: number) => Promise<Program>,
  plan: TrustServicePlan,
  fetchText: FetchText,
): Promise<Map<string, string>> {
  const service = await start(anHourAgo)
  try {
    const now = () => new Date(Date.now() + anHourAgo * 1000)
    const { repository } = plan
    const tokens = Object.values(audiences).map(async (audience): Promise<[string, string]> => {
      const at = await askDrone(plan, { repository, audience, now })
      return [audience, await exchange(fetchText, at)]
    })
    return new Map(await Promise.all(tokens))
  } finally {
    await service.stop()
  }
}

// Somebody with a key of their own who signs what our service would say.
async function createStranger(): Promise<{
  kid: string
  forge: (token: string, kid?: string) => Promise<string>
}> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  return {
    kid: await calculateJwkThumbprint(await exportJWK(publicKey)),
    forge: (token, kid = decodeProtectedHeader(token).kid) =>
      new SignJWT(decodeJwt(token))
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(kid !== undefined && { kid }) })
        .sign(privateKey),
  }
}

function fetchWith({ caPem }: LabAuthority): FetchText {
  return (url, headers = {}) =>
    new Promise((resolve, reject) => {
      get(url, { ca: caPem, agent: false, headers }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (body += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
        response.on('error', reject)
      }).on('error', reject)
    })
}
