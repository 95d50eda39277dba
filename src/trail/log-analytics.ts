// Log Analytics (REST, `POST /v1/workspaces/ID/query`), asked with the token of whoever runs the command.
import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { HttpError, type Send } from '../http/http.ts'

/** Where its public cloud answers, and what its tokens are for. */
export const logAnalyticsUrl = 'https://api.loganalytics.io'

/** How to reach it. */
export type LogAnalyticsDeps = { send: Send; origin: URL; token: () => Promise<Secret> }

const timeoutMs = 120_000

/** The result of a query as JSON; throws trail_workspace_denied or trail_workspace_unavailable. */
export async function queryWorkspace(
  { send, origin, token }: LogAnalyticsDeps,
  workspace: string,
  query: string,
): Promise<unknown> {
  if (!/^[0-9a-f-]{36}$/i.test(workspace)) {
    throw new Fault('trail_query_invalid', `“${workspace}” is not the id of a workspace (a GUID).`)
  }
  const bearer = await token()
  try {
    const answer = await send({
      method: 'POST',
      origin,
      path: `/v1/workspaces/${workspace}/query`,
      headers: {
        authorization: `Bearer ${bearer.reveal()}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: Buffer.from(JSON.stringify({ query })),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const body = parse(answer.body)
    if (answer.status === 200 && body !== undefined) return body
    throw refusal(workspace, answer.status, body)
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause
    const sentence = `Log Analytics at ${origin.host} gave no answer: ${cause.message}.`
    throw new Fault('trail_workspace_unavailable', sentence, { cause })
  }
}

function refusal(workspace: string, status: number, body: unknown): Fault {
  const { error } = (body ?? {}) as { error?: { code?: unknown; message?: unknown } }
  const words = [error?.code, error?.message].filter((each) => typeof each === 'string').join(': ')
  const sentence = `The workspace ${workspace} answered ${status}${words === '' ? '' : ` (${words.slice(0, 500)})`}.`
  const isDenied = status === 401 || status === 403
  return new Fault(isDenied ? 'trail_workspace_denied' : 'trail_workspace_unavailable', sentence)
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
