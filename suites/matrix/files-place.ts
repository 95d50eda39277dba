// Azure Files by the official SDK (@azure/storage-file-share), for the cases of the matrix.
import {
  RestError,
  type ShareClient,
  type ShareDirectoryClient,
  ShareServiceClient,
} from '@azure/storage-file-share'

import type { OwnerAccess, Place, Seen } from './place.ts'

/** What the place stands on. */
export type FilesPlaceDeps = Pick<Place, 'settings' | 'failNext' | 'callsSince' | 'mark'>

/** The official client of a share; dots at the end of names are kept. */
export function openShare(access: OwnerAccess, share: string): ShareClient {
  const { endpoint, ca, credential } = access
  const options = {
    fileRequestIntent: 'backup' as const,
    allowTrailingDot: true,
    tlsOptions: { ca },
    retryOptions: { maxTries: 2 },
  }
  return new ShareServiceClient(endpoint, credential, options).getShareClient(share)
}

/** A share as a place. */
export function filesPlace(deps: FilesPlaceDeps, share: ShareClient): Place {
  return {
    ...deps,
    service: 'files',
    title: 'Files',
    put: async (name, content, { contentType, contentEncoding, metadata } = {}) => {
      await makeFolders(share, name)
      await fileOf(share, name).uploadData(Buffer.from(content), {
        fileHttpHeaders: {
          ...(contentType !== undefined && { fileContentType: contentType }),
          ...(contentEncoding !== undefined && { fileContentEncoding: contentEncoding }),
        },
        ...(metadata && { metadata }),
      })
    },
    get: (name) => readFile(share, name),
    list: async (folder) => (await listFiles(share.getDirectoryClient(folder), folder)).toSorted(),
  }
}

/** The client of one file. */
export function fileOf(share: ShareClient, name: string) {
  const { folder, base } = split(name)
  return share.getDirectoryClient(folder).getFileClient(base)
}

/** Makes the folders above a file. */
export async function makeFolders(share: ShareClient, name: string): Promise<void> {
  const segments = split(name).folder.split('/').filter(Boolean)
  for (let depth = 1; depth <= segments.length; depth += 1) {
    await share.getDirectoryClient(segments.slice(0, depth).join('/')).createIfNotExists()
  }
}

function split(name: string): { folder: string; base: string } {
  const at = name.lastIndexOf('/')
  return { folder: at < 0 ? '' : name.slice(0, at), base: name.slice(at + 1) }
}

async function listFiles(directory: ShareDirectoryClient, path: string): Promise<string[]> {
  const names: string[] = []
  try {
    for await (const item of directory.listFilesAndDirectories()) {
      const name = `${path}/${item.name}`
      if (item.kind === 'file') names.push(name)
      else names.push(...(await listFiles(directory.getDirectoryClient(item.name), name)))
    }
  } catch (error) {
    if (!(error instanceof RestError) || error.statusCode !== 404) throw error
  }
  return names
}

async function readFile(share: ShareClient, name: string): Promise<Seen | undefined> {
  const file = fileOf(share, name)
  try {
    const state = await file.getProperties()
    const content = state.contentLength === 0 ? Buffer.alloc(0) : await file.downloadToBuffer()
    return {
      content,
      contentType: state.contentType ?? '',
      cacheControl: state.cacheControl ?? '',
      contentEncoding: state.contentEncoding ?? '',
      contentLanguage: state.contentLanguage ?? '',
      contentDisposition: state.contentDisposition ?? '',
      metadata: state.metadata ?? {},
      tags: {},
      tier: '',
      etag: state.etag ?? '',
    }
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return undefined
    throw error
  }
}
