// What a refusal of Azure Storage means (facts/federation.md §2.1): a refused token, a missing role,
// a firewall and a missing container look alike to people and are told apart here. The codes
// themselves are in storage-codes.ts.
import { Fault, messageOf } from '../core/fault.ts'
import type { HttpAnswer, HttpError } from '../http/http.ts'
import { toPlainLine } from './plain-line.ts'
import { type Parsed, readingOf } from './storage-codes.ts'

/** What a call was about, for the sentence: `upload “a/b.txt”` to a container or share of an account. */
export type StorageCall = {
  doing: string
  container: string
  host: string
  /** What `container` is; a container when absent. */
  place?: 'container' | 'share'
}

/** The fault for an answer of Blob or File Storage that is not a success. */
export function storageFault(answer: HttpAnswer, call: StorageCall): Fault {
  const parsed = parseRefusal(answer)
  const requestId = toPlainLine(answer.headers['x-ms-request-id'] ?? 'unknown', 64)
  const { code, says, hint } = readingOf(parsed, call.place ?? 'container')
  return new Fault(
    code,
    `Could not ${call.doing}: ${says(parsed, call)} ` +
      `[HTTP ${parsed.status}, request id ${requestId}]`,
    {
      details: { httpStatus: parsed.status, storageCode: parsed.code, requestId },
      ...(hint !== undefined && { hint }),
    },
  )
}

/** The fault for a storage call that got no whole answer. */
export function storageUnreachable(error: HttpError, call: StorageCall): Fault {
  const absent = error.code === 'ENOTFOUND' ? ` No such host: is the account name right?` : ''
  return new Fault(
    'azure_storage_unreachable',
    `Could not ${call.doing}: no answer from ${call.host}: ${messageOf(error)}.${absent}`,
    {
      cause: error,
      ...(error.isTrust && {
        hint: 'The certificate is not trusted; if a proxy or a lab with its own CA stands there, give its certificate as `ca_file`.',
      }),
    },
  )
}

/** Whether the status alone is worth another try. */
export function isTransientStatus(status: number): boolean {
  return [408, 429, 500, 502, 503, 504].includes(status)
}

function parseRefusal({ status, headers, body }: HttpAnswer): Parsed {
  const xml = body.toString('utf8', 0, 16_384)
  const tenant = /authorization_uri="?([^\s",]+)/.exec(headers['www-authenticate'] ?? '')?.[1]
  return {
    status,
    code: toPlainLine(headers['x-ms-error-code'] ?? element(xml, 'Code'), 64),
    // Azure repeats request id and time behind the first line.
    message: toPlainLine(element(xml, 'Message').split('\n', 1)[0] ?? ''),
    detail: toPlainLine(element(xml, 'AuthenticationErrorDetail')),
    header: toPlainLine(element(xml, 'HeaderName'), 64),
    tenant: toPlainLine(tenant ?? '', 200),
  }
}

function element(xml: string, name: string): string {
  const from = xml.indexOf(`<${name}>`)
  const to = xml.indexOf(`</${name}>`, from)
  return from < 0 || to < 0 ? '' : xml.slice(from + name.length + 2, to)
}
