// Blob names on the wire: every segment percent-encoded by itself, so that `%`, `#`, `?`, spaces,
// backslashes and any Unicode form arrive as they are.
import { Fault } from '../../core/fault.ts'

/** Where a container or share is: the endpoint's origin, the path in front of it, and its name. */
export type ContainerAddress = {
  origin: URL
  pathPrefix: string
  container: string
  /** What faults call it; a container when absent. */
  place?: 'container' | 'share'
}

// What `encodeURIComponent` leaves alone, and the slash.
const plainName = /^[\w.~!*'()/-]*$/

/** The path of a blob on the wire. */
export function toBlobPath(address: ContainerAddress, name: string): string {
  return `${toContainerPath(address)}/${encodeBlobName(name)}`
}

/** The path of the container on the wire. */
export function toContainerPath({ pathPrefix, container }: ContainerAddress): string {
  return `${pathPrefix}/${encodeBlobName(container)}`
}

/** A blob name with every segment percent-encoded; the name must be well-formed Unicode. */
export function encodeBlobName(name: string): string {
  // Most names stay as they are, and to find that out is cheaper.
  return plainName.test(name) ? name : name.split('/').map(encodeURIComponent).join('/')
}

/** The address of the container for people. */
export function showAddress({ origin, pathPrefix, container }: ContainerAddress): string {
  return `${origin.origin}${pathPrefix}/${container}`
}

/** Throws `transfer_name_invalid` for names that Blob Storage cannot keep. */
export function assertBlobName(name: string): void {
  const refuse = (why: string) =>
    new Fault('transfer_name_invalid', `“${name}” cannot be a blob name: ${why}.`)
  if (name.length > 1024) throw refuse('it is longer than 1,024 characters')
  // Azure turns it into a slash without a word, so the file would come back in another place
  // (Azurite does the same; versity/versitygw#845, Azure/azure-sdk-for-js#5405).
  if (name.includes('\\')) throw refuse('Azure stores a backslash as a slash')
  if (/[^\P{Cc}\t\n\r]/u.test(name)) throw refuse('it contains a control character')
  const segments = name.split('/')
  if (segments.length > 254) throw refuse('it has more than 254 segments')
  // HTTP clients and servers resolve these away, so the blob would land elsewhere.
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    throw refuse('it contains the segment “.” or “..”')
  }
}
