// The content type a file is stored with, from its name.
import { lookup } from 'mrmime'

/**
 * The media type for a file name, with `charset=utf-8` for texts; `application/octet-stream` when the
 * ending says nothing.
 */
export function guessContentType(name: string): string {
  // Names such as `a.constructor` find what every object has.
  const found: unknown = lookup(name)
  const type = typeof found === 'string' ? found : 'application/octet-stream'
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type
}
