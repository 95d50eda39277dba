// Azure Storage's refusals: code → status and message, answered as its XML with its headers
// (Azure Storage REST, "Status and error codes"; facts/federation.md §2.1).
import type { IncomingMessage, ServerResponse } from 'node:http'

import { storageAudience } from './entra-tokens.ts'

const challenge =
  'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.'

const messages = {
  InvalidUri: row(400, 'The requested URI does not represent any resource on the server.'),
  InvalidAuthenticationInfo: row(401, challenge),
  NoAuthenticationInformation: row(401, challenge),
  AuthenticationFailed: row(
    403,
    'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.',
  ),
  AuthorizationFailure: row(403, 'This request is not authorized to perform this operation.'),
  AuthorizationPermissionMismatch: row(
    403,
    'This request is not authorized to perform this operation using this permission.',
  ),
  KeyBasedAuthenticationNotPermitted: row(
    403,
    'Key based authentication is not permitted on this storage account.',
  ),
  ResourceNotFound: row(404, 'The specified resource does not exist.'),
  InternalError: row(500, 'The server encountered an internal error. Please retry the request.'),
  OperationTimedOut: row(500, 'Operation could not be completed within the permitted time.'),
  ServerBusy: row(503, 'The server is busy.'),
} satisfies Record<string, { status: number; message: string }>

/** A code the storage front gives by itself. */
export type StorageCode = keyof typeof messages

/** One refused storage call. */
export class StorageRefusal extends Error {
  readonly code: string
  readonly status: number
  /** The `AuthenticationErrorDetail` of the XML. */
  readonly detail: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: string,
    more: {
      status?: number
      message?: string
      detail?: string
      retryAfterSeconds?: number
    } = {},
  ) {
    const known = isStorageCode(code) ? messages[code] : { status: 500, message: code }
    super(more.message ?? known.message)
    this.name = 'StorageRefusal'
    this.code = code
    this.status = more.status ?? known.status
    this.detail = more.detail
    this.retryAfterSeconds = more.retryAfterSeconds
  }
}

/** Answers a call with a refusal, and swallows what the client is still sending. */
export function answerRefusal(
  context: { now: Date; requestId: string; tenantId: string },
  request: IncomingMessage,
  response: ServerResponse,
  refusal: StorageRefusal,
): void {
  const body = Buffer.from(describeRefusal(refusal, context))
  response.writeHead(refusal.status, {
    ...refusalHeaders(refusal, context, request),
    'content-type': 'application/xml',
    'content-length': body.length,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
  // Else a client in the middle of an upload sees a broken connection instead of the answer.
  request.resume()
}

function refusalHeaders(
  refusal: StorageRefusal,
  context: { requestId: string; tenantId: string },
  request: IncomingMessage,
): Record<string, string> {
  const headers: Record<string, string> = {
    server: 'Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0',
    'x-ms-error-code': refusal.code,
    'x-ms-request-id': context.requestId,
    'x-ms-version': headerOf(request, 'x-ms-version') || '2009-09-19',
  }
  const clientRequestId = headerOf(request, 'x-ms-client-request-id')
  if (clientRequestId !== '') headers['x-ms-client-request-id'] = clientRequestId
  if (refusal.retryAfterSeconds !== undefined) {
    headers['retry-after'] = String(refusal.retryAfterSeconds)
  }
  if (refusal.status === 401) {
    const authorize = `https://login.microsoftonline.com/${context.tenantId}/oauth2/authorize`
    headers['www-authenticate'] =
      `Bearer authorization_uri=${authorize} resource_id=${storageAudience}`
  }
  return headers
}

function describeRefusal(
  refusal: StorageRefusal,
  { now, requestId }: { now: Date; requestId: string },
): string {
  const time = now.toISOString().replace('Z', '0000Z')
  const detail =
    refusal.detail === undefined
      ? ''
      : `<AuthenticationErrorDetail>${escapeXml(refusal.detail)}</AuthenticationErrorDetail>`
  // Azure's answers begin with a byte order mark, which clients must bear.
  return `\uFEFF<?xml version="1.0" encoding="utf-8"?><Error><Code>${escapeXml(refusal.code)}</Code><Message>${escapeXml(refusal.message)}\nRequestId:${requestId}\nTime:${time}</Message>${detail}</Error>`
}

/** A header of a request or answer as one text, empty when absent. */
export function headerOf(message: IncomingMessage, name: string): string {
  return [message.headers[name] ?? ''].flat().join(', ')
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function isStorageCode(code: string): code is StorageCode {
  return Object.hasOwn(messages, code)
}

function row(status: number, message: string): { status: number; message: string } {
  return { status, message }
}
