// Blob Storage by the official SDK (@azure/storage-blob), for the cases of the matrix.
import { BlobServiceClient, type ContainerClient, RestError } from '@azure/storage-blob'

import type { OwnerAccess, Place, Seen } from './place.ts'

/** What the place stands on. */
export type BlobPlaceDeps = Pick<Place, 'settings' | 'failNext' | 'callsSince' | 'mark'>

/** The official client of the account. */
export function openBlobService({ endpoint, ca, credential }: OwnerAccess): BlobServiceClient {
  const options = { tlsOptions: { ca }, retryOptions: { maxTries: 2 } }
  return new BlobServiceClient(endpoint, credential, options)
}

/** A container as a place. */
export function blobPlace(deps: BlobPlaceDeps, container: ContainerClient): Place {
  return {
    ...deps,
    service: 'blob',
    title: 'Blob',
    put: async (name, content, { contentType, contentEncoding, metadata } = {}) => {
      await container.getBlockBlobClient(name).uploadData(Buffer.from(content), {
        blobHTTPHeaders: {
          ...(contentType !== undefined && { blobContentType: contentType }),
          ...(contentEncoding !== undefined && { blobContentEncoding: contentEncoding }),
        },
        ...(metadata && { metadata }),
      })
    },
    get: (name) => readBlob(container, name),
    list: async (folder) => {
      const names: string[] = []
      for await (const { name } of container.listBlobsFlat({ prefix: `${folder}/` })) {
        names.push(name)
      }
      return names.toSorted()
    },
  }
}

async function readBlob(container: ContainerClient, name: string): Promise<Seen | undefined> {
  const blob = container.getBlobClient(name)
  try {
    const state = await blob.getProperties()
    const content =
      state.contentLength === 0 ? Buffer.alloc(0) : await blob.downloadToBuffer(0, undefined, {})
    const { tags } = await blob.getTags()
    return {
      content,
      contentType: state.contentType ?? '',
      cacheControl: state.cacheControl ?? '',
      contentEncoding: state.contentEncoding ?? '',
      contentLanguage: state.contentLanguage ?? '',
      contentDisposition: state.contentDisposition ?? '',
      metadata: state.metadata ?? {},
      tags,
      tier: state.accessTier ?? '',
      etag: state.etag ?? '',
    }
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return undefined
    throw error
  }
}
