// The content type a blob is stored with, from its name.
import { lookup } from 'mrmime'

/** The MIME type for a file name; `application/octet-stream` when the ending says nothing. */
export function guessContentType(name: string): string {
  return lookup(name) ?? 'application/octet-stream'
}
