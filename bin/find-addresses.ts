// All addresses of a host, as the system's resolver has them.
import { lookup } from 'node:dns/promises'

/** The addresses; none when the name is not known. */
export async function findAddresses(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch {
    return []
  }
}
