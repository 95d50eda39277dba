// Finds the addresses of one origin's host once for all connections that are opened together: each
// lookup would take one of the four threads that also read files.
import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

/** Finds all addresses of a name, as `lookup` of node:dns does. */
export type FindAddresses = (
  hostname: string,
  options: { all: true; hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

// Shorter than any name's time to live in clouds, long enough for a burst of connections.
const keepMs = 10_000

/** Makes the lookup of one host; addresses are kept for ten seconds, failures not at all. */
export function createLookup(find: FindAddresses): LookupFunction {
  type Waiting = (error: NodeJS.ErrnoException | null) => void
  const waiting: Waiting[] = []
  let known: LookupAddress[] | undefined
  return (hostname, { all, hints }, callback) => {
    const answer: Waiting = (error) => {
      const [first] = known ?? []
      if (error || !known) callback(error, '')
      else if (all === true) callback(null, known)
      else callback(null, first?.address ?? '', first?.family)
    }
    if (known) {
      // Never in the same turn: node:net counts on that.
      process.nextTick(answer, null)
      return
    }
    if (waiting.push(answer) > 1) return
    find(hostname, { all: true, ...(hints !== undefined && { hints }) }, (error, addresses) => {
      if (!error) {
        known = addresses
        setTimeout(() => (known = undefined), keepMs).unref()
      }
      for (const one of waiting.splice(0)) one(error)
    })
  }
}
