// A client of Drone's HTTP API (handler/api of the server; facts/drone.md §4.3), as far as a test needs it.
import { setTimeout as sleep } from 'node:timers/promises'

/** A step in an answer. */
export type ApiStep = { number: number; name: string; status: string; exit_code: number }

/** A build in an answer; a list leaves its stages out. */
export type ApiBuild = {
  id: number
  number: number
  parent?: number
  event: string
  status: string
  after: string
  error?: string
  stages?: { number: number; status: string; error?: string; steps?: ApiStep[] }[]
}

/** The calls. */
export type DroneApi = {
  /** Signs the user in by OAuth without a browser, which leaves the server with a token for the host of code. */
  signIn: () => Promise<void>
  /** Reads the user's repositories, and turns one on. */
  activate: (changes: Record<string, unknown>) => Promise<void>
  listBuilds: () => Promise<ApiBuild[]>
  readBuild: (number: number) => Promise<ApiBuild>
  /** Polls until it is neither waiting nor running. */
  awaitEnd: (number: number) => Promise<ApiBuild>
  readLog: (number: number, step: number) => Promise<string>
  /** The `data` of a step's card. */
  readCard: (number: number, step: number) => Promise<unknown>
  restart: (number: number, params?: Record<string, string>) => Promise<ApiBuild>
  promote: (number: number, target: string) => Promise<ApiBuild>
  custom: (query: Record<string, string>) => Promise<ApiBuild>
  runCron: (name: string) => Promise<ApiBuild>
}

const pollMilliseconds = 100
const longestBuildSeconds = 120

/** A client for one repository, with the token of a user who administers it. */
export function createDroneApi(server: {
  url: string
  token: string
  repository: string
}): DroneApi {
  const repository = `/api/repos/${server.repository}`
  const call = async (method: string, path: string, json?: unknown): Promise<unknown> => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  const build = async (method: string, path: string) =>
    (await call(method, `${repository}${path}`)) as ApiBuild
  const withQuery = (path: string, query: Record<string, string>) =>
    `${path}?${new URLSearchParams(query).toString()}`
  const readBuild = (number: number) => build('GET', `/builds/${number}`)
  return {
    signIn: () => signIn(server.url),
    activate: async (changes) => {
      await call('POST', '/api/user/repos?async=false')
      await call('POST', repository)
      await call('PATCH', repository, changes)
    },
    listBuilds: async () => (await call('GET', `${repository}/builds`)) as ApiBuild[],
    readBuild,
    awaitEnd: async (number) => {
      const end = Date.now() + longestBuildSeconds * 1000
      for (;;) {
        const found = await readBuild(number)
        if (!['pending', 'running', 'waiting_on_dependencies'].includes(found.status)) return found
        if (Date.now() > end) throw new Error(`build ${number} is still ${found.status}`)
        await sleep(pollMilliseconds)
      }
    },
    readLog: async (number, step) => {
      const lines = await call('GET', `${repository}/builds/${number}/logs/1/${step}`)
      return ((lines ?? []) as { out: string }[]).map(({ out }) => out).join('')
    },
    readCard: (number, step) => call('GET', `${repository}/cards/${number}/1/${step}`),
    restart: (number, params = {}) => build('POST', withQuery(`/builds/${number}`, params)),
    promote: (number, target) => build('POST', withQuery(`/builds/${number}/promote`, { target })),
    custom: (query) => build('POST', withQuery('/builds', query)),
    runCron: async (name) => {
      // Never by itself: once a year, and a test is done before.
      await call('POST', `${repository}/cron`, { name, expr: '@yearly', branch: 'main' })
      return build('POST', `/cron/${name}`)
    },
  }
}

const mostRedirects = 5

// The dance of OAuth, with the cookies that the server sets on its way.
async function signIn(url: string): Promise<void> {
  const cookies = new Map<string, string>()
  let next = `${url}/login`
  for (let count = 0; count < mostRedirects; count += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(next, {
      redirect: 'manual',
      headers: next.startsWith(url) ? { cookie } : {},
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (response.status >= 400) throw new Error(`signing in ended at ${response.status}`)
    if (location === null) return
    next = new URL(location, next).href
    // Where it leads after that are pages for people.
    if (new URL(next).pathname === '/' && cookies.size + count > 0) return
  }
  throw new Error('signing in goes round in circles')
}
