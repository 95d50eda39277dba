// A Drone installation, seen from our side: a runner that sends really signed extension requests, a
// server that sends really signed webhooks, and the variables a docker step gets (facts/drone.md §1, §2.2).
import { request as httpRequest } from 'node:http'

import { extensions, signRequest, type SignedExtension } from '../ci/drone/signature.ts'
import { Secret } from '../core/secret.ts'
import { buildEnvironment, toPluginVariables } from './drone-environment.ts'

/** A repository at the lab's source-code host; `secret` is Drone's own and must never show up anywhere. */
export type LabRepository = {
  id: number
  uid: string
  slug: string
  secret: string
  timeout: number
}

/** What distinguishes one build from another; everything Drone also sends has a plain default. */
export type LabBuild = {
  id: number
  number: number
  event: string
  ref: string
  after: string
  source_repo: string
  trigger: string
  sender: string
  status: string
  version: number
  params?: Record<string, string>
  parent?: number
  cron?: string
  deploy_to?: string
  /** One stage that a runner has taken, unless told otherwise. */
  stages?: readonly unknown[]
}

/** An answer of the service, whatever its status. */
export type LabAnswer = { status: number; body: string }

/** How the lab's Drone reaches the service and signs. */
export type DroneOptions = {
  /** Base URL of the service's door for CI. */
  ciUrl: string
  instance: string
  runner: string
  runnerToken: Secret
  webhookSecret: Secret
  now: () => Date
}

/** Sends what Drone sends. */
export type LabDrone = {
  /** `path` is ours unless another is named. */
  requestSecret(
    repository: LabRepository,
    build: LabBuild,
    name: string,
    path?: string,
  ): Promise<LabAnswer>
  requestEnviron(repository: LabRepository, build: LabBuild): Promise<LabAnswer>
  sendWebhook(repository: LabRepository, build: LabBuild): Promise<LabAnswer>
}

/** A Drone server and one docker runner of it. */
export function createDrone(options: DroneOptions): LabDrone {
  const base = `${options.ciUrl}/${options.instance}/drone`
  const runner = `${base}/runners/${options.runner}`
  const post = (
    url: string,
    extension: SignedExtension,
    token: Secret,
    payload: unknown,
    headers: Record<string, string> = {},
  ) => callExtension(options, { url, extension, token, headers }, payload)
  return {
    requestSecret: (repository, build, name, path = 'azure') =>
      post(`${runner}/secret`, extensions.secret, options.runnerToken, {
        path,
        name,
        repo: repositoryJson(repository),
        build: buildJson(repository, build),
      }),
    requestEnviron: (repository, build) =>
      post(`${runner}/environ`, extensions.environ, options.runnerToken, {
        repo: repositoryJson(repository),
        build: buildJson(repository, build),
      }),
    sendWebhook: (repository, build) =>
      post(
        `${base}/webhook`,
        extensions.webhook,
        options.webhookSecret,
        {
          event: 'build',
          action: build.version > 1 ? 'updated' : 'created',
          repo: repositoryJson(repository),
          build: buildJson(repository, build),
          system: { proto: 'https', host: 'drone.example' },
        },
        { 'x-drone-event': 'build' },
      ),
  }
}

/** A build of the default branch, pushed and waiting; `changes` makes it another one. */
export function pushBuild(repository: LabRepository, changes: Partial<LabBuild> = {}): LabBuild {
  return {
    id: 1000 + repository.id,
    number: 7,
    event: 'push',
    ref: 'refs/heads/main',
    after: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
    source_repo: '',
    trigger: '@hook',
    sender: 'octocat',
    status: 'pending',
    version: 1,
    ...changes,
  }
}

/** The variables of a plugin step: `settings` become PLUGIN_*, the rest is what a docker runner sets. */
export function stepEnvironment(
  repository: LabRepository,
  build: LabBuild,
  step: string,
  settings: Record<string, string>,
): Record<string, string> {
  const base = buildEnvironment(repository, build, { name: step, number: 2 })
  return { ...base, ...toPluginVariables(settings) }
}

/** Sends a payload as Drone does: in Go's JSON, signed over these very bytes. */
export function callExtension(
  { now }: { now: () => Date },
  to: { url: string; extension: SignedExtension; token: Secret; headers?: Record<string, string> },
  payload: unknown,
): Promise<LabAnswer> {
  const body = Buffer.from(toGoJson(payload))
  const signed = signRequest(to.extension, to.token, body, now())
  return send(to.url, { ...signed, ...to.headers }, body)
}

/** A repository as Drone's requests carry it, its secret included. */
export function repositoryJson(repository: LabRepository): Record<string, unknown> {
  const [namespace, name] = repository.slug.split('/')
  return {
    id: repository.id,
    uid: repository.uid,
    user_id: 1,
    namespace,
    name,
    slug: repository.slug,
    scm: '',
    git_http_url: `https://scm.example/${repository.slug}.git`,
    link: `https://scm.example/${repository.slug}`,
    default_branch: 'main',
    private: true,
    visibility: 'private',
    active: true,
    config_path: '.drone.yml',
    trusted: false,
    protected: false,
    timeout: repository.timeout,
    counter: 1,
    version: 3,
    secret: repository.secret,
  }
}

/** A build as requests and webhooks carry it. */
export function buildJson(repository: LabRepository, build: LabBuild): Record<string, unknown> {
  return {
    repo_id: repository.id,
    message: 'a <b> & more',
    source: 'main',
    target: 'main',
    author_login: build.sender,
    created: 1_795_000_000,
    ...build,
    stages: build.stages ?? [
      {
        id: build.id,
        number: 1,
        name: 'default',
        kind: 'pipeline',
        type: 'docker',
        status: build.status,
        machine: 'docker-1',
      },
    ],
  }
}

// Go escapes these three, so the bytes that are signed are not those of JSON.stringify.
function toGoJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&]/g,
    (char) => `\\u00${char.charCodeAt(0).toString(16)}`,
  )
}

/** Sends bytes with exactly these headers, as a test of altered requests needs it. */
export function send(
  url: string,
  headers: Record<string, string>,
  body: Uint8Array,
): Promise<LabAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() })
      })
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}
