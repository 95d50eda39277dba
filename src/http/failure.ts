// What went wrong below, as the one error the rooms above know.
import { HttpError } from './http.ts'

/** Wraps what the system threw; of several tried addresses the first one's code counts. */
export function toHttpError(error: unknown, maybeReceived: boolean): HttpError {
  if (error instanceof HttpError) return error
  if (!error) return new HttpError('the connection ended without an answer', '', maybeReceived)
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : ''
  const message = messageOf(error) || messageOf(inner) || 'connection failed'
  return new HttpError(message, code, maybeReceived, error)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
