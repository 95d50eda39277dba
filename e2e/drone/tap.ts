// What lies between Drone and our service for a test: every signed request passes as it is (no signature
// covers host or path), is kept, and webhooks can be lost, kept back and sent again as a network would.
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { send, type LabAnswer } from '../../src/lab/drone.ts'

/** A token that a runner was given: by name of the secret, or as a variable. */
export type TappedToken = { buildId: number; number: number; name: string; token: string }

/** A webhook about a build as it came. */
export type TappedWebhook = {
  buildId: number
  commit: string
  status: string
  path: string
  headers: Record<string, string>
  body: Buffer
}

/** What becomes of a webhook: `keep` answers Drone and waits to be sent on. */
export type Fate = 'pass' | 'lose' | 'keep'

/** A running tap. */
export type Tap = {
  url: string
  tokens: readonly TappedToken[]
  webhooks: readonly TappedWebhook[]
  /** `repo.secret` and the like: what no place may show, as the requests had it. */
  repositorySecrets: ReadonlySet<string>
  /** Decides on webhooks from now on; all pass at first. */
  decideWebhooks: (decide: (webhook: TappedWebhook) => Fate) => void
  /** Sends one on, or again. */
  sendOn: (webhook: TappedWebhook) => Promise<LabAnswer>
  /** Questions for secrets wait for this before they pass. */
  holdSecrets: (until: (buildId: number) => Promise<unknown> | undefined) => void
  /** The first token, or webhook, that fits: of those that were, or the next. */
  awaitToken: (fits: (token: TappedToken) => boolean) => Promise<TappedToken>
  awaitWebhook: (fits: (webhook: TappedWebhook) => boolean) => Promise<TappedWebhook>
  close: () => Promise<void>
}

const waitMilliseconds = 60_000

/** Starts a tap before the service's door for CI. */
export async function startTap({ ciUrl, port }: { ciUrl: string; port: number }): Promise<Tap> {
  const tokens: TappedToken[] = []
  const webhooks: TappedWebhook[] = []
  const repositorySecrets = new Set<string>()
  const news = new EventEmitter()
  news.setMaxListeners(0)
  let decide: (webhook: TappedWebhook) => Fate = () => 'pass'
  let hold: Parameters<Tap['holdSecrets']>[0] = () => undefined
  const passOn = (path: string, headers: Record<string, string>, body: Buffer) =>
    send(`${ciUrl}${path}`, { ...headers, host: new URL(ciUrl).host }, body)
  const takeWebhook = async (webhook: TappedWebhook): Promise<LabAnswer> => {
    webhooks.push(webhook)
    const fate = decide(webhook)
    const answer =
      fate === 'pass'
        ? await passOn(webhook.path, webhook.headers, webhook.body)
        : { status: 204, body: '' }
    news.emit('news')
    return answer
  }
  const take = async (request: IncomingMessage): Promise<LabAnswer> => {
    const [path, headers, body] = [request.url ?? '', headersOf(request), await readBody(request)]
    const { repo, build, name = '' } = JSON.parse(body.toString()) as Question
    if (repo?.secret) repositorySecrets.add(repo.secret)
    if (!build) return passOn(path, headers, body)
    if (path.endsWith('/webhook')) {
      const { id: buildId, after: commit, status } = build
      return takeWebhook({ buildId, commit, status, path, headers, body })
    }
    if (path.endsWith('/secret')) await hold(build.id)
    const answer = await passOn(path, headers, body)
    const { id: buildId, number } = build
    for (const each of tokensIn(answer, name)) tokens.push({ buildId, number, ...each })
    news.emit('news')
    return answer
  }
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const failed = (error: unknown): LabAnswer => ({ status: 502, body: String(error) })
    const { status, body } = await take(request).catch(failed)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(status === 204 ? undefined : body)
  }
  const server = createServer((request, response) => void respond(request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const wait = async <Value>(list: readonly Value[], fits: (value: Value) => boolean) => {
    const signal = AbortSignal.timeout(waitMilliseconds)
    for (;;) {
      const found = list.find((each) => fits(each))
      if (found !== undefined) return found
      await once(news, 'news', { signal })
    }
  }
  return {
    url: `http://127.0.0.1:${port}`,
    tokens,
    webhooks,
    repositorySecrets,
    decideWebhooks: (next) => {
      decide = next
    },
    sendOn: ({ path, headers, body }) => passOn(path, headers, body),
    holdSecrets: (until) => {
      hold = until
    },
    awaitToken: (fits) => wait(tokens, fits),
    awaitWebhook: (fits) => wait(webhooks, fits),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

type Question = {
  name?: string
  repo?: { secret?: string }
  build?: { id: number; number: number; after: string; status: string }
}

function tokensIn({ status, body }: LabAnswer, name: string): { name: string; token: string }[] {
  if (status !== 200) return []
  const answer = JSON.parse(body) as { data?: string } | { name: string; data: string }[]
  if (Array.isArray(answer)) return answer.map((each) => ({ name: each.name, token: each.data }))
  return answer.data ? [{ name, token: answer.data }] : []
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}
