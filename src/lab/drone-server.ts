// The lab's Drone server, as its API shows it (facts/drone.md §3.2): repositories and builds for the
// holder of a user token, over TLS, and every trouble such a server can be in.
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Secret } from '../core/secret.ts'
import type { LabAuthority } from './authority.ts'
import { repositoryJson, type LabBuild, type LabRepository } from './drone.ts'
import { listenTls } from './listen.ts'

/** What is wrong with the server; `hangs` never answers, `leads away` redirects, `floods` never ends. */
export type LabTrouble = 'fails' | 'hangs' | 'leads away' | 'floods' | 'speaks nonsense'

/** A running server and the state its API shows. */
export type LabDroneServer = {
  url: string
  /** Shows this build from now on; the newest word replaces the one before. */
  put: (repository: LabRepository, build: LabBuild) => void
  /** Shows the repository under its slug no more. */
  remove: (repository: LabRepository) => void
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
  const pages = new Map<string, unknown>()
  const requests: string[] = []
  let trouble: LabTrouble | undefined
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`)
    if (trouble) return makeTrouble(trouble, response)
    if (request.headers.authorization !== `Bearer ${userToken.reveal()}`) {
      return answer(response, 401, { message: 'Unauthorized' })
    }
    const page = request.method === 'GET' ? pages.get(request.url ?? '') : undefined
    return page === undefined
      ? answer(response, 404, { message: 'Not Found' })
      : answer(response, 200, page)
  }
  const listener = await listenTls({ authority }, handle)
  return {
    url: listener.url,
    put: (repository, build) => {
      const path = `/api/repos/${repository.slug}`
      pages.set(path, repositoryPage(repository))
      pages.set(`${path}/builds/${build.number}`, buildPage(repository, build))
    },
    remove: (repository) => {
      const path = `/api/repos/${repository.slug}`
      for (const page of pages.keys()) {
        if (page === path || page.startsWith(`${path}/`)) pages.delete(page)
      }
    },
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

// core.Repository: its secret and signer are never in an answer.
function repositoryPage(repository: LabRepository): Record<string, unknown> {
  const { secret: _, ...page } = repositoryJson(repository)
  return page
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
