// Fetches the manifest of a key: by the name, length and hash that its document tells, or not at all.
import { createHash } from 'node:crypto'

import { Fault } from '../../core/fault.ts'
import { boundsOf, type KeyDocument } from '../key-document.ts'
import type { CacheStore } from '../store.ts'
import { decodeManifest, manifestLimits } from './manifest-read.ts'
import type { Manifest } from './manifest.ts'

/** The tree of a key, and its bytes; undefined when it is not there, or the key holds an archive. Throws `cache_archive_invalid`. */
export async function readManifest(
  store: CacheStore,
  document: KeyDocument,
): Promise<{ tree: Manifest; bytes: Buffer } | undefined> {
  if (document.content.mode !== 'pack') return undefined
  const { name, sizeBytes, sha256 } = document.content.manifest
  if (sizeBytes > manifestLimits.packedBytes) throw invalid('it is too long')
  const bytes = await store.readRange(name, { from: 0, sizeBytes })
  if (!bytes) return undefined
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw invalid('its bytes are not those that were saved')
  }
  return { tree: await decodeManifest(bytes, boundsOf(document)), bytes }
}

function invalid(why: string): Fault {
  return new Fault('cache_archive_invalid', `The manifest is damaged: ${why}.`)
}
