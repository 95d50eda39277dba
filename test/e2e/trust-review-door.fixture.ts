// An admin door as `trust review` meets it: it knows one admin, shows keys, and keeps what is recorded. It
// reads and writes by the schemas of the real one (src/trust/admin-api.ts).
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'

import {
  adminPaths,
  keysAnswerSchema,
  recordedReviewSchema,
  reviewSchema,
  type KeysAnswer,
  type RecordedReview,
} from '../../src/trust/admin-api.ts'

/** A day in milliseconds. */
export const dayMs = 24 * 60 * 60 * 1000

/** What a test may change. */
export type DoorSettings = {
  keys: KeysAnswer['keys']
  hasBrokenKeys: boolean
  /** Refuses to record. */
  hasFullDisk: boolean
}

/** The door, and the options that lead to it. */
export type AdminDoor = {
  options: string
  settings: DoorSettings
  reviews: RecordedReview[]
  close: () => Promise<void>
}

type Answer = { status: number; json: unknown }

/** Starts the door on loopback; the token lies in `folder`. */
export async function startAdminDoor(folder: string): Promise<AdminDoor> {
  const token = randomBytes(32).toString('hex')
  const tokenFile = join(folder, 'admin.token')
  writeFileSync(tokenFile, token)
  const inDays = (days: number) => new Date(Date.now() + days * dayMs).toISOString()
  const settings: DoorSettings = {
    keys: [
      {
        kid: 'k1',
        state: 'active',
        createdAt: inDays(-31),
        activatedAt: inDays(-30),
        rotatesAt: inDays(60),
      },
    ],
    hasBrokenKeys: false,
    hasFullDisk: false,
  }
  const reviews: RecordedReview[] = []
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    if (request.headers.authorization !== `Bearer ${token}`) {
      return problem(401, 'issuer_admin_unknown', 'This token belongs to no admin.')
    }
    switch (`${request.method} ${request.url}`) {
      case `GET ${adminPaths.keys}`:
        return settings.hasBrokenKeys
          ? problem(500, 'keys_file_invalid', 'The key file is broken.')
          : { status: 200, json: keysAnswerSchema.parse({ keys: settings.keys }) }
      case `GET ${adminPaths.lastReview}`: {
        const last = reviews.at(-1)
        return last
          ? { status: 200, json: recordedReviewSchema.parse(last) }
          : problem(404, 'issuer_review_absent', 'No review is on record.')
      }
      case `POST ${adminPaths.reviews}`: {
        if (settings.hasFullDisk) {
          return problem(503, 'audit_unavailable', 'The ledger cannot be written.')
        }
        const review = { ...reviewSchema.parse(JSON.parse(await readText(request))), by: 'alice' }
        reviews.push(review)
        return { status: 201, json: review }
      }
      default:
        return problem(404, 'issuer_path_unknown', 'There is nothing here.')
    }
  }
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { status, json } = await answer(request).catch((error: unknown) =>
      problem(400, 'issuer_request_invalid', String(error)),
    )
    const type = status < 300 ? 'application/json' : 'application/problem+json'
    response.writeHead(status, { 'content-type': type })
    response.end(JSON.stringify(json))
  }
  const server = createServer((request, response) => void serve(request, response))
  const port = await new Promise<number>((resolve, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(address !== null && typeof address === 'object' ? address.port : 0)
    })
  })
  return {
    options: `--service http://127.0.0.1:${port} --admin-token-file ${tokenFile}`,
    settings,
    reviews,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function problem(status: number, code: string, detail: string): Answer {
  return { status, json: { code, detail, hint: 'Ask the person who runs the service.' } }
}
