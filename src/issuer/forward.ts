// Chaining: Drone knows one secret extension and one environ extension per runner, so what is not
// ours is passed on to the extension the site already runs. The raw bytes stay as they are
// (`repo.secret` among them: the other extension may need it) and are signed anew with its token.
import * as z from 'zod'

import { callOnce, type Call, type CallAnswer } from '../ci/drone/call.ts'
import { decryptAnswer } from '../ci/drone/encryption.ts'
import { signRequest, type SignedExtension } from '../ci/drone/signature.ts'
import { parseStrictJson } from '../ci/strict-json.ts'
import type { Remote } from '../config/instances.ts'
import { Fault, messageOf } from '../core/fault.ts'
import type { Log } from '../core/log.ts'

/** What passing a request on needs of the world; `call` is the real network unless a test says otherwise. */
export type ForwardDeps = { now: () => Date; log: Log; call?: Call }

/** What the other extension answered, decrypted. */
export type Forwarded = { status: number; contentType: string; body: Buffer }

/** A variable of the environ extension, in the form of its second version. */
export type Variable = { name: string; data: string; mask: boolean }

const timeoutMilliseconds = 10_000
const answerLimitBytes = 1024 * 1024

/** The answer of the upstream to these bytes, errors included; throws ci_upstream_unavailable without one. */
export async function forwardRequest(
  deps: ForwardDeps,
  upstream: Remote,
  extension: SignedExtension,
  body: Uint8Array,
): Promise<Forwarded> {
  const answer = await (deps.call ?? callOnce)({
    method: 'POST',
    url: upstream.url,
    headers: {
      ...signRequest(extension, upstream.token, body, deps.now()),
      'content-length': String(body.length),
    },
    body,
    ...(upstream.ca && { ca: upstream.ca }),
    timeoutMilliseconds,
    answerLimitBytes,
  }).catch((cause: unknown) => {
    throw unavailable(upstream, `does not answer: ${messageOf(cause)}`)
  })
  const { status } = answer
  // Redirects are not followed: the bytes are for the configured server and for no other.
  const isUsable = (status >= 200 && status <= 204) || status >= 400
  if (!isUsable) throw unavailable(upstream, `answered ${status}`)
  return {
    status,
    contentType: status >= 400 ? 'text/plain; charset=utf-8' : 'application/json',
    body: status === 204 ? Buffer.alloc(0) : plainBody(upstream, answer),
  }
}

/** Variables of the upstream; none, and a line in the log, when there is any trouble with it. */
export async function forwardEnviron(
  deps: ForwardDeps,
  upstream: Remote,
  extension: SignedExtension,
  body: Uint8Array,
): Promise<Variable[]> {
  try {
    const answer = await forwardRequest(deps, upstream, extension, body)
    if (answer.status >= 400) throw unavailable(upstream, `answered ${answer.status}`)
    return answer.status === 204 ? [] : readVariables(upstream, answer.body)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    deps.log.error({ code: error.code }, error.message)
    return []
  }
}

const variablesSchema = z.union([
  z.array(
    z.object({
      name: z.string().min(1),
      data: z.string().default(''),
      mask: z.boolean().default(false),
    }),
  ),
  // Version 1 answers with a map and masks nothing.
  z
    .record(z.string().min(1), z.string())
    .transform((map) => Object.entries(map).map(([name, data]) => ({ name, data, mask: false }))),
  z.null().transform((): Variable[] => []),
])

function readVariables(upstream: Remote, body: Buffer): Variable[] {
  try {
    return variablesSchema.parse(parseStrictJson(body))
  } catch {
    // No cause: it would quote other people's secrets.
    throw unavailable(upstream, 'answered something that is no list of variables')
  }
}

function plainBody(upstream: Remote, { headers, body }: CallAnswer): Buffer {
  if (headers.get('content-encoding') !== 'aesgcm') return body
  try {
    return decryptAnswer(upstream.token, body)
  } catch (cause) {
    throw unavailable(upstream, `sent an answer we cannot decrypt: ${messageOf(cause)}`)
  }
}

function unavailable({ url }: Remote, what: string): Fault {
  return new Fault('ci_upstream_unavailable', `The extension at ${new URL(url).host} ${what}.`)
}
