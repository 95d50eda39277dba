// Writes the head of an HTTP/1.1 request; what could smuggle a second request is refused.
import { type Body, HttpError, type HttpRequest } from '../http.ts'

const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/
const maxHeadBytes = 64 * 1024
const target = /^\/[\x21-\x7e]*$/
// These are the transport's own to say.
const ownFields = new Set(['host', 'content-length', 'transfer-encoding', 'connection'])

/** The head as Latin-1 text; throws `HttpError` ERR_INVALID_CHAR when a part cannot go on the wire. */
export function writeRequestHead({ method, origin, path, headers, body }: HttpRequest): string {
  if (!target.test(path)) throw invalid('path')
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${origin.host}\r\n`
  for (const [name, value] of Object.entries(headers)) {
    if (!fieldName.test(name)) throw invalid('header name')
    if (!fieldValue.test(value)) throw invalid(`header ${name}`)
    if (!ownFields.has(name.toLowerCase())) head += `${name}: ${value}\r\n`
  }
  if (head.length > maxHeadBytes) {
    throw new HttpError('the request has too many headers', 'ERR_HTTP_HEADERS_TOO_LARGE', false)
  }
  if (body) return `${head}content-length: ${sizeOfBody(body)}\r\n\r\n`
  return method === 'PUT' || method === 'POST' ? `${head}content-length: 0\r\n\r\n` : `${head}\r\n`
}

/** How many bytes a body will be. */
export function sizeOfBody(body: Buffer | Body): number {
  return Buffer.isBuffer(body) ? body.length : body.sizeBytes
}

function invalid(what: string): HttpError {
  return new HttpError(`the request's ${what} has a forbidden character`, 'ERR_INVALID_CHAR', false)
}
