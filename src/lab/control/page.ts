// Lists that come in pages, with a link to the next one that a client follows blindly (Microsoft
// REST API Guidelines §9.8): `$skiptoken` is ours, its name is theirs.
import { type ControlCall, ControlRefusal } from './server.ts'

/** One page of a list and the address of the next, if there is one; `$top` can only make it smaller. */
export function takePage<T>(
  call: ControlCall,
  items: readonly T[],
  pageSize: number,
): { page: readonly T[]; nextLink: string | undefined } {
  const from = Number(call.query.get('$skiptoken') ?? '0')
  const top = Number(call.query.get('$top') ?? pageSize)
  if (!Number.isSafeInteger(from) || from < 0 || !(top >= 1)) {
    throw new ControlRefusal(400, 'BadRequest', 'The skip token or page size is not valid.')
  }
  const to = from + Math.min(top, pageSize)
  if (to >= items.length) return { page: items.slice(from), nextLink: undefined }
  const query = new URLSearchParams(call.query)
  query.set('$skiptoken', String(to))
  return { page: items.slice(from, to), nextLink: `${call.origin}${call.path}?${query.toString()}` }
}
