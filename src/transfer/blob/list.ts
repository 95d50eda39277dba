// Lists a container page by page: the next page is on its way while the caller works on one, and
// pages whose metadata would take too much memory are asked for in smaller portions.
import type { RemoteFile } from '../remote.ts'
import { type CallDeps, callStorage } from './call.ts'
import { type BlobPage, parseListing } from './listing.ts'
import { type ContainerAddress, toContainerPath } from './names.ts'

// The service gives 5,000 at most. With 8 KiB of metadata on every blob even the small page fits.
const pageLengths = [5_000, 1_200] as const
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
    yield entries
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
  const collected = createCollector()
  let pageLength: number = pageLengths[0]

  const fetchOnce = async (marker: string): Promise<BlobPage> => {
    const more = marker === '' ? '' : `&marker=${encodeURIComponent(marker)}`
    await callStorage(deps, address, {
      doing: `list “${prefix}*”`,
      request: () => {
        collected.clear()
        const path = `${fixed}&maxresults=${pageLength}${more}`
        return { method: 'GET', path, headers: {}, onBody: collected.add }
      },
    })
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

// One buffer for all pages: a page has been read before the next one is asked for.
function createCollector() {
  let buffer = Buffer.allocUnsafeSlow(256 * 1024)
  let length = 0
  return {
    clear: () => {
      length = 0
    },
    add: (piece: Buffer): undefined => {
      const needed = length + piece.length
      if (needed > maxPageBytes) throw new TooLong('a page of the listing is too long')
      if (needed > buffer.length) {
        const wider = Buffer.allocUnsafeSlow(Math.min(maxPageBytes, Math.max(needed, 2 * length)))
        buffer.copy(wider, 0, 0, length)
        buffer = wider
      }
      piece.copy(buffer, length)
      length = needed
    },
    bytes: () => buffer.subarray(0, length),
  }
}
