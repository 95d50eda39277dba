// A Woodpecker server, seen from our side (server/pipeline, server/services): it keeps pipelines, asks
// the secret extension when one is created, approved or restarted, signs that as RFC 9421 says, tells
// its key and its pipelines, and gives a step a secret as its compiler does.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Secret } from '../core/secret.ts'
import type { LabAuthority } from './authority.ts'
import { send, type LabAnswer } from './drone.ts'
import { listenTls } from './listen.ts'
import {
  pipelineJson,
  repositoryJson,
  toGoJson,
  type LabPipeline,
  type LabWoodpeckerRepository,
} from './woodpecker-json.ts'
import { signAsWoodpecker } from './woodpecker-signature.ts'

/** A secret as the extension gives it; a missing list restricts nothing. */
export type LabSecret = { name: string; value: string; images?: string[]; events?: string[] }

/** What the extension was asked and said; `secrets` is empty unless it answered 200. */
export type LabRun = { pipeline: LabPipeline; answer: LabAnswer; secrets: LabSecret[] }

/** What is wrong with the server's API. */
export type WoodpeckerTrouble = 'fails' | 'speaks nonsense'

/** A running server. */
export type LabWoodpecker = {
  url: string
  publicKeyPem: () => string
  /** A hook, a cron job or a person makes a pipeline; a fork's pull request waits for approval. */
  create: (repository: LabWoodpeckerRepository, changes?: Partial<LabPipeline>) => Promise<LabRun>
  approve: (pipeline: LabPipeline) => Promise<LabRun>
  decline: (pipeline: LabPipeline) => void
  /** A new pipeline out of the old; the caller's variables reach the steps and nobody else. */
  restart: (pipeline: LabPipeline, changes?: Partial<LabPipeline>) => Promise<LabRun>
  /** An agent takes it. */
  start: (pipeline: LabPipeline) => void
  /** Killed when it ran, canceled when it waited. */
  cancel: (pipeline: LabPipeline) => void
  finish: (pipeline: LabPipeline, status: 'success' | 'failure' | 'error') => void
  /** The server's database was lost: it has a new key. */
  renewKey: () => void
  trouble: (kind: WoodpeckerTrouble | undefined) => void
  /** Every request line so far. */
  requests: string[]
  close: () => Promise<void>
}

/** Where the server finds what it needs. */
export type WoodpeckerOptions = {
  userToken: Secret
  /** The secret extension: WOODPECKER_SECRET_EXTENSION_ENDPOINT; it may be set once the service runs. */
  extension: { url: string }
  now: () => Date
  /** Whether netrc goes with the request: WOODPECKER_SECRET_EXTENSION_NETRC. */
  netrc?: { login: string; password: Secret }
}

/** Starts a server without repositories that knows one user, by this token. */
export async function startWoodpecker(
  { authority }: { authority: LabAuthority },
  options: WoodpeckerOptions,
): Promise<LabWoodpecker> {
  const pipelines = new Map<
    number,
    { repository: LabWoodpeckerRepository; pipeline: LabPipeline }
  >()
  const requests: string[] = []
  let keys = generateKeyPairSync('ed25519')
  let trouble: WoodpeckerTrouble | undefined
  let lastId = 500
  const nowSeconds = () => Math.floor(options.now().getTime() / 1000)

  const answerRequest = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`)
    if (trouble === 'fails') return answer(response, 500, { message: 'database is locked' })
    if (trouble) return answer(response, 200, { message: 'welcome' })
    if (request.method !== 'GET') return answer(response, 405, {})
    if (request.url === '/api/signature/public-key') {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
      return response.end(pemOf(keys.publicKey))
    }
    if (request.headers.authorization !== `Bearer ${options.userToken.reveal()}`) {
      return answer(response, 401, {})
    }
    const page = findPage(pipelines.values(), request.url ?? '')
    return page ? answer(response, 200, page) : answer(response, 404, {})
  }
  const listener = await listenTls({ authority }, answerRequest)

  const keep = (repository: LabWoodpeckerRepository, pipeline: LabPipeline) => {
    pipelines.set(pipeline.id, { repository, pipeline })
    return pipeline
  }
  const change = ({ id }: LabPipeline, changes: Partial<LabPipeline>) => {
    const found = pipelines.get(id)
    if (!found) throw new Error(`no pipeline ${id}`)
    const pipeline = { ...found.pipeline, updated: nowSeconds(), ...changes }
    return { repository: found.repository, pipeline: keep(found.repository, pipeline) }
  }
  const statusOf = ({ id }: LabPipeline) => pipelines.get(id)?.pipeline.status ?? ''
  const needStatus = (pipeline: LabPipeline, ...allowed: string[]) => {
    const status = statusOf(pipeline)
    if (!allowed.includes(status)) throw new Error(`cannot do that to a ${status} pipeline`)
  }
  const askExtension = async (
    repository: LabWoodpeckerRepository,
    pipeline: LabPipeline,
  ): Promise<LabRun> => {
    const { netrc } = options
    const body = Buffer.from(
      toGoJson({
        repo: repositoryJson(repository),
        pipeline: pipelineJson(pipeline),
        ...(netrc && {
          netrc: {
            machine: 'scm.example',
            login: netrc.login,
            password: netrc.password.reveal(),
            type: 'gitea',
          },
        }),
      }),
    )
    const { url } = options.extension
    const signed = signAsWoodpecker(keys.privateKey, url, body, nowSeconds())
    const heard = await send(url, { 'content-type': 'application/json', ...signed }, body)
    // Failures are logged, and the pipeline goes on with the server's own secrets.
    const secrets =
      heard.status === 200 ? (JSON.parse(heard.body) as { secrets: LabSecret[] }).secrets : []
    return { pipeline, answer: heard, secrets }
  }

  return {
    url: listener.url,
    publicKeyPem: () => pemOf(keys.publicKey),
    create: async (repository, changes = {}) => {
      lastId += 1
      const made = newPipeline({ id: lastId, number: lastId - 500, updated: nowSeconds() }, changes)
      const isGated = made.from_fork && made.event.startsWith('pull_request')
      keep(repository, isGated ? { ...made, status: 'blocked' } : made)
      const run = await askExtension(repository, isGated ? { ...made, status: 'blocked' } : made)
      return isGated ? run : { ...run, pipeline: change(made, { status: 'pending' }).pipeline }
    },
    approve: (pipeline) => {
      needStatus(pipeline, 'blocked')
      const approved = change(pipeline, { status: 'pending' })
      return askExtension(approved.repository, approved.pipeline)
    },
    decline: (pipeline) => {
      needStatus(pipeline, 'blocked')
      change(pipeline, { status: 'declined' })
    },
    restart: (pipeline, changes = {}) => {
      const old = pipelines.get(pipeline.id)
      if (!old || old.pipeline.status === 'blocked') throw new Error('cannot restart that')
      lastId += 1
      const made = {
        ...old.pipeline,
        status: 'pending',
        updated: nowSeconds(),
        ...changes,
        id: lastId,
        number: lastId - 500,
        parent: old.pipeline.number,
      }
      return askExtension(old.repository, keep(old.repository, made))
    },
    start: (pipeline) => {
      needStatus(pipeline, 'pending')
      change(pipeline, { status: 'running' })
    },
    cancel: (pipeline) => {
      needStatus(pipeline, 'blocked', 'pending', 'running')
      change(pipeline, { status: statusOf(pipeline) === 'running' ? 'killed' : 'canceled' })
    },
    finish: (pipeline, status) => {
      needStatus(pipeline, 'running')
      change(pipeline, { status })
    },
    renewKey: () => {
      keys = generateKeyPairSync('ed25519')
    },
    trouble: (kind) => {
      trouble = kind
    },
    requests,
    close: listener.close,
  }
}

/** What a step gets for a `from_secret`; fails the compile with Woodpecker's words where it gets nothing. */
export function giveSecret(
  { pipeline, secrets }: LabRun,
  step: { image: string; isPlugin: boolean },
  name: string,
): string {
  const secret = secrets.find((each) => each.name.toLowerCase() === name.toLowerCase())
  if (!secret) throw new Error(`secret "${name}" not found`)
  const { images = [], events = [] } = secret
  if (images.length > 0 && !step.isPlugin) {
    throw new Error(`secret "${name}" is only allowed to be used by plugins`)
  }
  if (images.length > 0 && !images.some((image) => isSameImage(step.image, image))) {
    throw new Error(`secret "${name}" is not allowed to be used with image "${step.image}"`)
  }
  const event = pipeline.event.startsWith('pull_request') ? 'pull_request' : pipeline.event
  if (events.length > 0 && !events.includes(event)) {
    throw new Error(`secret "${name}" is not allowed to be used with pipeline event "${event}"`)
  }
  return secret.value
}

// A name without a tag stands for all tags of it.
function isSameImage(image: string, allowed: string): boolean {
  return allowed.includes(':') ? image === allowed : image.split(':')[0] === allowed
}

function newPipeline(
  own: Pick<LabPipeline, 'id' | 'number' | 'updated'>,
  changes: Partial<LabPipeline>,
): LabPipeline {
  return {
    parent: 0,
    event: 'push',
    status: 'created',
    author: 'octocat',
    commit: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
    ref: 'refs/heads/main',
    refspec: '',
    branch: 'main',
    ...changes,
    ...own,
  }
}

function findPage(
  pipelines: Iterable<{ repository: LabWoodpeckerRepository; pipeline: LabPipeline }>,
  path: string,
): unknown {
  for (const { repository, pipeline } of pipelines) {
    const base = `/api/repos/${repository.id}`
    if (path === base) return repositoryJson(repository)
    if (path === `${base}/pipelines/${pipeline.number}`) return pipelineJson(pipeline)
  }
  return undefined
}

function answer(response: ServerResponse, status: number, json: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(json))
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}
