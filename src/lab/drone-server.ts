// The lab's Drone server, as its API shows it (facts/drone.md §3.2; drone handler/api): repositories and
// builds for the holder of a user token, over TLS, and every trouble such a server can be in.
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Secret } from '../core/secret.ts'
import type { LabAuthority } from './authority.ts'
import { repositoryJson, type LabBuild, type LabRepository } from './drone.ts'
import { listenTls } from './listen.ts'

/** What is wrong with the server; `hangs` never answers, `leads away` redirects, `floods` never ends. */
export type LabTrouble = 'fails' | 'hangs' | 'leads away' | 'floods' | 'speaks nonsense'

/** What a test may change at any time. */
export type LabDroneSettings = {
  /** Administrators alone may list all repositories, and see what is private. */
  isAdmin: boolean
  /** Ids of repositories that the user may see without being an administrator. */
  members: Set<string>
  /** So many answers to come are 429, with Retry-After. */
  busyAnswers: number
  /** Longest page of a list, whatever is asked for. */
  maxPageSize: number
}

/** A running server and the state its API shows. */
export type LabDroneServer = {
  url: string
  /** Shows this build from now on; the newest word replaces the one before. */
  put: (repository: LabRepository, build: LabBuild) => void
  /** Knows this repository, under its slug alone: the same id under another slug is a rename. */
  know: (repository: LabRepository, changes?: { isActive?: boolean }) => void
  /** Shows the repository under its slug no more. */
  remove: (repository: LabRepository) => void
  /** Who the user is, and how the server answers. */
  settings: LabDroneSettings
  trouble: (kind: LabTrouble | undefined) => void
  /** Every request line so far, such as `GET /api/repos/octo/hello`. */
  requests: string[]
  close: () => Promise<void>
}

/** Starts a server that knows one user, by this token. */
export async function startDroneServer(
  { authority }: { authority: LabAuthority },
  { userToken }: { userToken: Secret },
): Promise<LabDroneServer> {
  const builds = new Map<string, unknown>()
  const repositories = new Map<string, LabKnown>()
  const settings: LabDroneSettings = {
    isAdmin: true,
    members: new Set(),
    busyAnswers: 0,
    maxPageSize: Infinity,
  }
  const know: LabDroneServer['know'] = (repository, { isActive = true } = {}) =>
    void repositories.set(repository.uid, { repository, isActive })
  const requests: string[] = []
  let trouble: LabTrouble | undefined
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`)
    if (trouble) return makeTrouble(trouble, response)
    if (request.headers.authorization !== `Bearer ${userToken.reveal()}`) {
      return answer(response, 401, { message: 'Unauthorized' })
    }
    if (settings.busyAnswers > 0) {
      settings.busyAnswers -= 1
      response.setHeader('retry-after', '2')
      return answer(response, 429, { message: 'Too Many Requests' })
    }
    const url = new URL(request.url ?? '', 'https://drone.example')
    const path = decodeURIComponent(url.pathname)
    const known = [...repositories.values()]
    if (request.method === 'GET' && path === '/api/repos') {
      return settings.isAdmin
        ? answer(response, 200, pageOf(known, url.searchParams, settings).map(repositoryPage))
        : answer(response, 403, { message: 'Forbidden' })
    }
    const seen = known.filter(
      ({ repository: { uid } }) => settings.isAdmin || settings.members.has(uid),
    )
    if (request.method === 'GET' && path === '/api/user/repos') {
      const own = known.filter(({ repository: { uid } }) => settings.members.has(uid))
      return answer(response, 200, own.map(repositoryPage))
    }
    const found = seen.find(({ repository: { slug } }) =>
      `${path}/`.startsWith(`/api/repos/${slug}/`),
    )
    const page =
      found && path === `/api/repos/${found.repository.slug}`
        ? repositoryPage(found)
        : found && builds.get(path)
    return request.method !== 'GET' || page === undefined
      ? answer(response, 404, { message: 'Not Found' })
      : answer(response, 200, page)
  }
  const listener = await listenTls({ authority }, handle)
  return {
    url: listener.url,
    put: (repository, build) => {
      know(repository)
      const path = `/api/repos/${repository.slug}/builds/${build.number}`
      builds.set(path, buildPage(repository, build))
    },
    know,
    remove: ({ slug }) => {
      for (const [uid, { repository }] of repositories) {
        if (repository.slug === slug) repositories.delete(uid)
      }
      for (const path of builds.keys()) {
        if (path.startsWith(`/api/repos/${slug}/`)) builds.delete(path)
      }
    },
    settings,
    trouble: (kind) => {
      trouble = kind
    },
    requests,
    close: listener.close,
  }
}

function answer(response: ServerResponse, status: number, json: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(json))
}

function makeTrouble(trouble: LabTrouble, response: ServerResponse): void {
  if (trouble === 'hangs') return
  if (trouble === 'leads away') {
    response.writeHead(302, { location: 'https://elsewhere.example/' })
    response.end()
  } else if (trouble === 'floods') {
    response.on('drain', () => response.write(Buffer.alloc(65_536, ' ')))
    while (response.write(Buffer.alloc(65_536, ' '))) continue
  } else if (trouble === 'fails') answer(response, 500, { message: 'database is locked' })
  else answer(response, 200, { message: 'welcome' })
}

type LabKnown = { repository: LabRepository; isActive: boolean }

// As handler/api/repos/all.go counts: pages from 1, of 25 unless asked otherwise.
function pageOf(
  known: readonly LabKnown[],
  query: URLSearchParams,
  { maxPageSize }: LabDroneSettings,
): LabKnown[] {
  const [page, asked] = [Number(query.get('page')), Number(query.get('per_page'))]
  const size = Math.min(asked >= 1 ? asked : 25, maxPageSize)
  const start = page > 1 ? (page - 1) * size : 0
  return known.slice(start, start + size)
}

// core.Repository: its secret and signer are never in an answer.
function repositoryPage({ repository, isActive }: LabKnown): Record<string, unknown> {
  const { secret: _, ...page } = repositoryJson(repository)
  return { ...page, active: isActive }
}

function buildPage(repository: LabRepository, build: LabBuild): Record<string, unknown> {
  const step = { id: 1, number: 1, name: 'upload', status: build.status, image: 'plugin:1' }
  return {
    repo_id: repository.id,
    source: 'main',
    target: 'main',
    ...build,
    stages: [
      {
        id: build.id,
        number: 1,
        name: 'default',
        kind: 'pipeline',
        type: 'docker',
        status: build.status,
        machine: 'docker-1',
        steps: [step],
      },
    ],
  }
}
