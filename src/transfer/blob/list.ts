// Lists a container some entries at a time: the next page is on its way while one is worked on, and
// pages whose metadata would take too much memory are asked for in smaller portions.
import type { RemoteFile } from '../remote.ts'
import { type CallDeps, callStorage } from './call.ts'
import { type BlobPage, parseListing } from './listing.ts'
import { type ContainerAddress, toContainerPath } from './names.ts'

// The service gives 5,000 at most; half of that takes a tenth less memory in all. With 8 KiB of metadata
// on every blob even the small page fits.
const pageLengths = [2_500, 1_200] as const
const maxPageBytes = 16 * 1024 * 1024

/** Everything whose name begins with `prefix`; see `Remote.list`. */
export async function* listBlobs(
  deps: CallDeps,
  address: ContainerAddress,
  prefix: string,
): AsyncGenerator<RemoteFile[]> {
  const fetchPage = openPages(deps, address, prefix)
  let next: Promise<BlobPage> | undefined = fetchPage('')
  while (next) {
    const { entries, nextMarker }: BlobPage = await next
    next = nextMarker === '' ? undefined : fetchPage(nextMarker)
    // A caller that stops listening leaves a page behind that nobody waits for.
    next?.catch(() => undefined)
    yield* entries
  }
}

function openPages(
  deps: CallDeps,
  address: ContainerAddress,
  prefix: string,
): (marker: string) => Promise<BlobPage> {
  const fixed =
    `${toContainerPath(address)}?restype=container&comp=list&include=metadata` +
    `&prefix=${encodeURIComponent(prefix)}`
  // One page is read while the next one comes in.
  const collectors = [createCollector(), createCollector()] as const
  let pageNumber = 0
  let pageLength: number = pageLengths[0]

  const fetchOnce = async (marker: string): Promise<BlobPage> => {
    const collected = collectors[pageNumber % 2 === 0 ? 0 : 1]
    const more = marker === '' ? '' : `&marker=${encodeURIComponent(marker)}`
    await callStorage(deps, address, {
      doing: `list “${prefix}*”`,
      request: () => {
        collected.clear()
        const path = `${fixed}&maxresults=${pageLength}${more}`
        return { method: 'GET', path, headers: {}, onBody: collected.add }
      },
    })
    pageNumber += 1
    return parseListing(collected.bytes())
  }
  return async (marker) => {
    try {
      return await fetchOnce(marker)
    } catch (error) {
      if (!(error instanceof TooLong) || pageLength === pageLengths[1]) throw error
      pageLength = pageLengths[1]
      return fetchOnce(marker)
    }
  }
}

class TooLong extends Error {}

// What no page ever fills the system never hands out, so the buffer need not grow.
function createCollector() {
  const buffer = Buffer.allocUnsafeSlow(maxPageBytes)
  let length = 0
  return {
    clear: () => {
      length = 0
    },
    add: (piece: Buffer): undefined => {
      if (length + piece.length > maxPageBytes) {
        throw new TooLong('a page of the listing is too long')
      }
      length += piece.copy(buffer, length)
    },
    bytes: () => buffer.subarray(0, length),
  }
}
