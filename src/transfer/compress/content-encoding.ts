// The names compressions go by in Content-Encoding (RFC 9110 §8.4.1).
import type { Compression } from '../job.ts'

/** The Content-Encoding this program can unpack; undefined for others, and for none. */
export function toCompression(contentEncoding: string | undefined): Compression | undefined {
  const name = contentEncoding?.trim().toLowerCase()
  if (name === 'x-gzip') return 'gzip'
  return name === 'gzip' || name === 'br' || name === 'zstd' ? name : undefined
}
