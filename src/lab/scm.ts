// A scripted Gitea: the endpoints that a Drone server calls and no others (facts/drone.md §4.4), for the
// holder of a token that it gave out by OAuth, and hooks that it signs. Commits hold a pipeline file.
import { createHmac, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { Secret } from '../core/secret.ts'
import { send, type LabAnswer } from './drone.ts'
import {
  pullRequestHookJson,
  pushHookJson,
  scmBranchJson,
  scmCommitJson,
  type ScmCommit,
  type ScmRepository,
  scmRepositoryJson,
  scmUser,
} from './scm-json.ts'

/** A hook that a server has registered. */
export type ScmHook = { id: number; slug: string; url: string; secret: string }

/** What a server has said of a commit. */
export type ScmStatus = { slug: string; sha: string; state: string; context: string }

/** A running Gitea. */
export type LabScm = {
  /** Without TLS: it listens on loopback only. */
  url: string
  clientId: string
  clientSecret: Secret
  /** Makes a commit whose `.drone.yml` is this; a new one each time, because Drone keeps files by commit. */
  commit: (slug: string, file: string) => string
  /** Moves a branch to a commit and delivers the hook; fails where no hook is registered. */
  push: (slug: string, sha: string, branch?: string) => Promise<LabAnswer>
  /** Delivers the hook of a new pull request; `from` is the head repository, none when it was deleted. */
  openPullRequest: (slug: string, sha: string, from: string | undefined) => Promise<LabAnswer>
  hooks: readonly ScmHook[]
  statuses: readonly ScmStatus[]
  /** Every request line so far. */
  requests: readonly string[]
  /** Tokens that it has given out, none of which may show up anywhere. */
  tokens: readonly string[]
  close: () => Promise<void>
}

/** Starts it with these repositories; `port` where whoever calls has been told before, any free one else. */
export async function startScm(
  repositories: readonly ScmRepository[],
  { port = 0, client }: { port?: number; client?: { id: string; secret: Secret } } = {},
): Promise<LabScm> {
  const state: State = {
    repositories: new Map(repositories.map((each) => [each.slug, each])),
    clientId: client?.id ?? randomHex(8),
    clientSecret: client?.secret ?? new Secret(randomHex(16)),
    codes: new Set(),
    tokens: new Set(),
    refreshTokens: new Set(),
    commits: new Map(),
    heads: new Map(),
    hooks: [],
    statuses: [],
  }
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    void readBody(request).then((body) => respond(state, request, body, response))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was bound')

  const needCommit = (sha: string) => {
    const commit = state.commits.get(sha)
    if (!commit) throw new Error(`no commit ${sha}`)
    return commit
  }
  const deliver = (slug: string, event: string, json: (to: ScmRepository) => unknown) => {
    const repository = state.repositories.get(slug)
    const hook = state.hooks.find((each) => each.slug === slug)
    if (!repository || !hook) throw new Error(`no hook for ${slug}`)
    const body = Buffer.from(JSON.stringify(json(repository)))
    const signature = createHmac('sha256', hook.secret).update(body).digest('hex')
    const headers = { 'content-type': 'application/json', 'x-gitea-event': event }
    return send(hook.url, { ...headers, 'x-gitea-signature': signature }, body)
  }
  let lastNumber = 6
  return {
    url: `http://127.0.0.1:${address.port}`,
    clientId: state.clientId,
    clientSecret: state.clientSecret,
    commit: (slug, file) => {
      const sha = randomHex(20)
      state.commits.set(sha, { sha, message: `a <b> & more of ${slug}`, file })
      return sha
    },
    push: async (slug, sha, branch = 'main') => {
      const head = `${slug} ${branch}`
      const before = state.heads.get(head) ?? '0'.repeat(40)
      state.heads.set(head, sha)
      const push = { branch, before, commit: needCommit(sha) }
      return deliver(slug, 'push', (to) => pushHookJson(to, push))
    },
    openPullRequest: async (slug, sha, from) => {
      lastNumber += 1
      const pullRequest = { number: lastNumber, commit: needCommit(sha), from }
      return deliver(slug, 'pull_request', (to) => pullRequestHookJson(to, pullRequest))
    },
    hooks: state.hooks,
    statuses: state.statuses,
    requests,
    get tokens() {
      return [...state.tokens, ...state.refreshTokens]
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

type State = {
  repositories: ReadonlyMap<string, ScmRepository>
  clientId: string
  clientSecret: Secret
  codes: Set<string>
  tokens: Set<string>
  refreshTokens: Set<string>
  commits: Map<string, ScmCommit>
  /** By slug and branch. */
  heads: Map<string, string>
  hooks: ScmHook[]
  statuses: ScmStatus[]
}

type Reply = { status: number; json?: unknown; text?: string; location?: string }

const notFound: Reply = { status: 404, json: { message: 'Not Found' } }

function respond(
  state: State,
  request: IncomingMessage,
  body: string,
  response: ServerResponse,
): void {
  const url = new URL(request.url ?? '', 'http://scm.example')
  const reply = route(state, request, url, body)
  if (reply.location !== undefined) response.setHeader('location', reply.location)
  const isText = reply.text !== undefined
  response.writeHead(reply.status, { 'content-type': isText ? 'text/plain' : 'application/json' })
  response.end(reply.text ?? JSON.stringify(reply.json ?? {}))
}

function route(state: State, request: IncomingMessage, url: URL, body: string): Reply {
  if (url.pathname === '/login/oauth/authorize') return authorize(state, url.searchParams)
  if (url.pathname === '/login/oauth/access_token') {
    return giveToken(state, new URLSearchParams(body))
  }
  const [, token = ''] = /^(?:token|Bearer) (\S+)$/.exec(request.headers.authorization ?? '') ?? []
  if (!state.tokens.has(token)) return { status: 401, json: { message: 'token is required' } }
  const path = decodeURIComponent(url.pathname).replace(/^\/api\/v1\//, '')
  const [, slug, rest = ''] = /^repos\/([^/]+\/[^/]+)(?:\/(.*))?$/.exec(path) ?? []
  if (slug === undefined) return routeUser(state, path, url.searchParams)
  const repository = state.repositories.get(slug)
  if (!repository) return notFound
  if (rest === '') return { status: 200, json: scmRepositoryJson(repository) }
  return request.method === 'POST'
    ? write(state, slug, rest, body)
    : read(state, slug, rest, url.searchParams)
}

function routeUser(state: State, path: string, query: URLSearchParams): Reply {
  if (path === 'user') return { status: 200, json: scmUser }
  if (path === 'user/orgs') return { status: 200, json: [] }
  if (path !== 'user/repos') return notFound
  const isFirst = (query.get('page') ?? '1') === '1'
  const all = [...state.repositories.values()].map(scmRepositoryJson)
  return { status: 200, json: isFirst ? all : [] }
}

function write(state: State, slug: string, path: string, body: string): Reply {
  if (path === 'hooks') {
    const { config } = JSON.parse(body) as { config: { url: string; secret?: string } }
    const id = state.hooks.length + 1
    const hook = { id, slug, url: config.url, secret: config.secret ?? '' }
    state.hooks.push(hook)
    return { status: 201, json: hookJson(hook) }
  }
  const [, sha] = /^statuses\/(.+)$/.exec(path) ?? []
  if (sha === undefined) return notFound
  const { state: said = '', context = '' } = JSON.parse(body) as Record<string, string>
  state.statuses.push({ slug, sha, state: said, context })
  return { status: 201, json: { id: state.statuses.length, state: said, context } }
}

function read(state: State, slug: string, path: string, query: URLSearchParams): Reply {
  if (path === 'hooks') {
    return { status: 200, json: state.hooks.filter((hook) => hook.slug === slug).map(hookJson) }
  }
  const [, kind = '', what = ''] = /^(raw|git\/commits|branches)\/(.+)$/.exec(path) ?? []
  if (kind === 'branches') return answerCommit(state, slug, what, (at) => scmBranchJson(what, at))
  if (kind === 'git/commits') return answerCommit(state, slug, what, scmCommitJson)
  if (kind !== 'raw' || !what.endsWith('.drone.yml')) return notFound
  // Older drivers name the commit in the path, newer ones in the query.
  const commit = findCommit(state, slug, query.get('ref') ?? what.replace(/\/.*$/, ''))
  return commit ? { status: 200, text: commit.file } : notFound
}

function answerCommit(
  state: State,
  slug: string,
  name: string,
  toJson: (commit: ScmCommit) => Record<string, unknown>,
): Reply {
  const commit = findCommit(state, slug, name)
  return commit ? { status: 200, json: toJson(commit) } : notFound
}

// By its name, or that of a branch which is at it.
function findCommit({ heads, commits }: State, slug: string, name: string): ScmCommit | undefined {
  return commits.get(heads.get(`${slug} ${name.replace(/^refs\/heads\//, '')}`) ?? name)
}

// As a browser that is signed in and has agreed before: no page is shown.
function authorize(state: State, query: URLSearchParams): Reply {
  const redirect = query.get('redirect_uri')
  if (query.get('client_id') !== state.clientId || redirect === null) return { status: 400 }
  const code = randomHex(16)
  state.codes.add(code)
  const location = new URL(redirect)
  location.searchParams.set('code', code)
  location.searchParams.set('state', query.get('state') ?? '')
  return { status: 302, location: location.href }
}

function giveToken(state: State, form: URLSearchParams): Reply {
  const isClient =
    form.get('client_id') === state.clientId &&
    form.get('client_secret') === state.clientSecret.reveal()
  const isRefresh = form.get('grant_type') === 'refresh_token'
  const proof = isRefresh ? state.refreshTokens : state.codes
  const presented = form.get(isRefresh ? 'refresh_token' : 'code') ?? ''
  if (!isClient || !proof.has(presented)) return { status: 400, json: { error: 'invalid_grant' } }
  // Both are good once.
  proof.delete(presented)
  const [access, refresh] = [randomHex(20), randomHex(20)]
  state.tokens.add(access)
  state.refreshTokens.add(refresh)
  const token = { access_token: access, refresh_token: refresh }
  return { status: 200, json: { ...token, token_type: 'bearer', expires_in: 3600 } }
}

function hookJson({ id, url }: ScmHook): Record<string, unknown> {
  return { id, type: 'gitea', config: { url, content_type: 'json' }, active: true }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

function randomHex(sizeBytes: number): string {
  return randomBytes(sizeBytes).toString('hex')
}
