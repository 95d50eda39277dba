// Refusals of Azure Files: code → status and message, answered as its XML with a byte order mark
// (Azure Files REST, "Azure Files error codes" and "Common REST API error codes").
import type { IncomingMessage, ServerResponse } from 'node:http'

import { storageAudience } from '../entra-tokens.ts'
import { headerOf, StorageRefusal } from '../storage-errors.ts'

const messages = {
  AccountRequiresHttps: row(400, 'The account being accessed does not support http.'),
  CannotDeleteFileOrDirectory: row(
    409,
    'An attempt has been made to remove a file or directory that cannot be deleted.',
  ),
  CannotVerifyCopySource: row(404, 'The specified resource does not exist.'),
  ConditionHeadersNotSupported: row(400, 'Condition headers are not supported.'),
  Crc64Mismatch: row(
    400,
    'The CRC64 value specified in the request did not match with the CRC64 value calculated by the server.',
  ),
  DirectoryNotEmpty: row(409, 'The specified directory is not empty.'),
  EmptyMetadataKey: row(400, 'The key for one of the metadata key-value pairs is empty.'),
  InvalidFileOrDirectoryPathName: row(400, 'File or directory path is too long.'),
  InvalidHeaderValue: row(
    400,
    'The value for one of the HTTP headers is not in the correct format.',
  ),
  InvalidInput: row(400, 'One of the request inputs is not valid.'),
  InvalidMd5: row(400, 'The MD5 value specified in the request is invalid.'),
  InvalidMetadata: row(400, 'The metadata specified is invalid. It has characters not permitted.'),
  InvalidRange: row(416, 'The range specified is invalid for the current size of the resource.'),
  InvalidResourceName: row(400, 'The specified resource name contains invalid characters.'),
  InvalidUri: row(400, 'The requested URI does not represent any resource on the server.'),
  LeaseAlreadyPresent: row(409, 'There is already a lease present.'),
  LeaseIdMismatchWithFileOperation: row(
    412,
    'The lease ID specified did not match the lease ID for the file.',
  ),
  LeaseIdMismatchWithLeaseOperation: row(
    409,
    'The lease ID specified did not match the lease ID for the file.',
  ),
  LeaseIdMissing: row(
    412,
    'There is currently a lease on the file and no lease ID was specified in the request.',
  ),
  LeaseNotPresentWithFileOperation: row(412, 'There is currently no lease on the file.'),
  LeaseNotPresentWithLeaseOperation: row(409, 'There is currently no lease on the file.'),
  Md5Mismatch: row(
    400,
    'The MD5 value specified in the request did not match with the MD5 value calculated by the server.',
  ),
  MissingContentLengthHeader: row(411, 'The Content-Length header was not specified.'),
  MissingRequiredHeader: row(
    400,
    "An HTTP header that's mandatory for this request is not specified.",
  ),
  NoPendingCopyOperation: row(409, 'There is currently no pending copy operation.'),
  OutOfRangeInput: row(400, 'One of the request inputs is out of range.'),
  OutOfRangeQueryParameterValue: row(
    400,
    'One of the query parameters specified in the request URI is outside the permissible range.',
  ),
  ParentNotFound: row(404, 'The specified parent path does not exist.'),
  ReadOnlyAttribute: row(
    409,
    'The specified resource is read-only and cannot be modified at this time.',
  ),
  RequestBodyTooLarge: row(
    413,
    'The request body is too large and exceeds the maximum permissible limit.',
  ),
  ResourceAlreadyExists: row(409, 'The specified resource already exists.'),
  ResourceNotFound: row(404, 'The specified resource does not exist.'),
  ResourceTypeMismatch: row(
    409,
    'The specified resource type does not match the type of the existing resource.',
  ),
  ShareAlreadyExists: row(409, 'The specified share already exists.'),
  ShareNotFound: row(404, 'The specified share does not exist.'),
  ShareSizeLimitReached: row(409, 'The share has reached its size limit.'),
  UnsupportedHeader: row(400, 'One of the headers specified in the request is not supported.'),
  UnsupportedQueryParameter: row(
    400,
    'One of the query parameters specified in the request URI is not supported.',
  ),
} satisfies Record<string, { status: number; message: string }>

/** A code of Azure Files that the lab answers with. */
export type FilesCode = keyof typeof messages

/** Elements that stand behind the message in the XML, `HeaderName` for example. */
export type RefusalDetails = Readonly<Record<string, string>>

/** A refusal of Azure Files. */
export class FilesRefusal extends StorageRefusal {
  readonly elements: RefusalDetails

  constructor(code: FilesCode, elements: RefusalDetails) {
    super(code, messages[code])
    this.name = 'FilesRefusal'
    this.elements = elements
  }
}

/** The refusal for a code. */
export function filesRefusal(code: FilesCode, elements: RefusalDetails = {}): FilesRefusal {
  return new FilesRefusal(code, elements)
}

/** Answers a call with a refusal, and swallows what the client is still sending. */
export function answerFilesRefusal(
  context: { now: Date; requestId: string; tenantId: string },
  request: IncomingMessage,
  response: ServerResponse,
  refusal: StorageRefusal,
): void {
  const body = Buffer.from(describe(refusal, context))
  const headers: Record<string, string> = {
    server: 'Windows-Azure-File/1.0 Microsoft-HTTPAPI/2.0',
    'x-ms-error-code': refusal.code,
    'x-ms-request-id': context.requestId,
    'x-ms-version': headerOf(request, 'x-ms-version') || '2009-09-19',
  }
  if (refusal.retryAfterSeconds !== undefined) {
    headers['retry-after'] = String(refusal.retryAfterSeconds)
  }
  if (refusal.status === 401) {
    const authorize = `https://login.microsoftonline.com/${context.tenantId}/oauth2/authorize`
    headers['www-authenticate'] =
      `Bearer authorization_uri=${authorize} resource_id=${storageAudience}`
  }
  if (request.method === 'HEAD') {
    // As recorded from the service: no length, and a coding for a body that never comes.
    response.writeHead(refusal.status, { ...headers, 'transfer-encoding': 'chunked' })
    response.end()
  } else {
    const type = { 'content-type': 'application/xml', 'content-length': String(body.length) }
    response.writeHead(refusal.status, { ...headers, ...type })
    response.end(body)
  }
  request.resume()
}

/** Text as it may stand in an element or attribute. */
export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

function describe(refusal: StorageRefusal, { now, requestId }: { now: Date; requestId: string }) {
  const time = now.toISOString().replace('Z', '0000Z')
  const details: Record<string, string> = {
    ...(refusal instanceof FilesRefusal && refusal.elements),
    ...(refusal.detail !== undefined && { AuthenticationErrorDetail: refusal.detail }),
  }
  const elements = Object.entries(details).map(
    ([name, value]) => `<${name}>${escapeXml(value)}</${name}>`,
  )
  return `\uFEFF<?xml version="1.0" encoding="utf-8"?><Error><Code>${refusal.code}</Code><Message>${escapeXml(refusal.message)}\nRequestId:${requestId}\nTime:${time}</Message>${elements.join('')}</Error>`
}

function row(status: number, message: string): { status: number; message: string } {
  return { status, message }
}
