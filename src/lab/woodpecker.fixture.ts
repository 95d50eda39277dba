// A lab Woodpecker with an extension behind it that keeps what it was sent and answers what it is told.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

import { Secret } from '../core/secret.ts'
import { createAuthority } from './authority.ts'
import { startWoodpecker, type LabSecret } from './woodpecker.ts'

/** A request as it reached the extension. */
export type Heard = { target: string; headers: ReadonlyMap<string, string>; body: Buffer }

/** The repository of the tests. */
export const repository = {
  id: 9,
  forge_id: 1,
  forge_remote_id: '42',
  full_name: 'octo/hello',
  timeout: 60,
}

/** The token of the one user of the server. */
export const userToken = new Secret('55f24eb3d61ef6ac5e83d550178638dc')

/** Starts both and stops them with the test; `answer` may be changed at any time. */
export async function beginWoodpecker(t: TestContext, netrc?: { login: string; password: Secret }) {
  const clock = { time: Date.parse('2026-11-23T12:03:03Z') }
  const answer: { secrets: LabSecret[] | undefined } = { secrets: undefined }
  const heard: Heard[] = []
  const extension = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      heard.push({
        target: request.url ?? '',
        headers: new Map(
          Object.entries(request.headers).map(([key, value]) => [key, String(value)]),
        ),
        body: Buffer.concat(pieces),
      })
      response.writeHead(answer.secrets ? 200 : 204)
      response.end(answer.secrets && JSON.stringify({ secrets: answer.secrets }))
    })
  })
  await new Promise<void>((resolve) => extension.listen(0, '127.0.0.1', resolve))
  const { port } = extension.address() as AddressInfo
  const authority = await createAuthority()
  const server = await startWoodpecker(
    { authority },
    {
      userToken,
      extension: { url: `http://127.0.0.1:${port}/wood/woodpecker/secrets?v=1` },
      now: () => new Date(clock.time),
      ...(netrc && { netrc }),
    },
  )
  t.after(async () => {
    extension.close()
    extension.closeAllConnections()
    await server.close()
  })
  return { server, clock, answer, heard, authority, now: () => new Date(clock.time) }
}
