// What an answer to a range has to be, in both services.
import { Fault } from '../../core/fault.ts'
import type { HttpHead } from '../../http/http.ts'

/** Throws when the answer begins at another byte than `offset`. */
export function assertStart({ status, headers }: HttpHead, offset: number, name: string): void {
  const range = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')
  const start = status === 206 ? Number(range?.[1]) : 0
  if (start !== offset) throw surprise(name, 'another range than was asked for')
}

/** The fault for an answer that is not what was asked for. */
export function surprise(name: string, what: string): Fault {
  return new Fault('azure_storage_refused', `Storage sent ${what} of “${name}”.`)
}
