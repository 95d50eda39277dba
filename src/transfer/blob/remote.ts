// A blob container as the engine sees it: the operations of Blob Storage that a transfer uses
// (https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api).
import { storageFault } from '../../azure/storage-faults.ts'
import type { Condition, Remote, RemoteFile, Write, Written } from '../remote.ts'
import { openBlocks, putBlob } from './blocks.ts'
import { aboutCall, type CallDeps, callStorage, countIds } from './call.ts'
import { listBlobs } from './list.ts'
import { assertBlobName, type ContainerAddress, showAddress, toBlobPath } from './names.ts'
import { toMetadataHeaders, toPropertyHeaders, toRemoteFile } from './properties.ts'
import { readBlob, type ReadDeps } from './read.ts'
import { createReopening } from './stall.ts'
import { readHead, toConditionHeaders, toWritten, writeUnder } from './write.ts'

// Longer ones go in blocks, which may travel side by side and be resumed.
const wholeBytes = 8 * 1024 * 1024

/** One container; every method throws a Fault `azure_storage_*` or `transfer_*`, or `Halted`. */
export function createBlobRemote(call: CallDeps, address: ContainerAddress): Remote {
  const deps: ReadDeps = {
    ...call,
    newId: countIds(call.newId()),
    reopening: createReopening(call),
  }
  return {
    kind: 'blob',
    shown: showAddress(address),
    wholeBytes,
    assertName: assertBlobName,
    foldName: (name) => name,
    stat: async (name) => {
      const head = await readHead(deps, address, name)
      return head && toRemoteFile(name, head)
    },
    list: (prefix) => listBlobs(deps, address, prefix),
    putWhole: (name, body, write) => putBlob(deps, address, name, body, write),
    openParts: (name, source) => openBlocks(deps, address, name, source),
    read: (name, options) => readBlob(deps, address, name, options),
    setProperties: (name, write) => setProperties(deps, address, name, write),
    putFolder: async (name, write) => {
      const { metadata } = write.properties
      const marked = { ...write.properties, metadata: { ...metadata, hdi_isfolder: 'true' } }
      await putBlob(deps, address, name, Buffer.alloc(0), { ...write, properties: marked })
    },
    remove: (file, condition) => removeBlob(deps, address, file, condition),
  }
}

// Metadata first: its mark shows, should an answer be lost, that nobody else has written since.
async function setProperties(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
  write: Write,
): Promise<Written> {
  const doing = `change the properties of “${name}”`
  const path = toBlobPath(address, name)
  const marked = await writeUnder(deps, address, {
    name,
    doing,
    condition: write.condition,
    request: { method: 'PUT', path: `${path}?comp=metadata`, headers: toMetadataHeaders(write) },
  })
  const written = await setStandard(deps, address, { name, doing, path, etag: marked.etag }, write)
  const { tier, tags } = write.properties
  if (tier !== undefined) {
    const headers = { 'x-ms-access-tier': tier }
    const request = () => ({ method: 'PUT', path: `${path}?comp=tier`, headers }) as const
    await callStorage(deps, address, { doing: `move “${name}” to the tier ${tier}`, request })
  }
  if (Object.keys(tags).length > 0) {
    const body = Buffer.from(toTagXml(tags))
    const headers = { 'content-type': 'application/xml' }
    const request = () => ({ method: 'PUT', path: `${path}?comp=tags`, headers, body }) as const
    await callStorage(deps, address, { doing: `set the tags of “${name}”`, request })
  }
  return { ...marked, ...written }
}

async function setStandard(
  deps: CallDeps,
  address: ContainerAddress,
  { name, doing, path, etag }: { name: string; doing: string; path: string; etag: string },
  write: Write,
): Promise<Written> {
  const headers = { ...toPropertyHeaders(write), 'if-match': etag }
  const answer = await callStorage(deps, address, {
    doing,
    request: () => ({ method: 'PUT', path: `${path}?comp=properties`, headers }),
    accepts: [412],
  })
  if (answer.status < 300) return toWritten(answer)
  // Was it an earlier try of ours that changed the ETag?
  const head = answer.mayRepeat ? await readHead(deps, address, name) : undefined
  const isOurs =
    head?.headers['content-type'] === write.properties.contentType &&
    Object.entries(toMetadataHeaders(write)).every(
      ([header, value]) => head.headers[header.toLowerCase()] === value,
    )
  if (!head || !isOurs) throw storageFault(answer, aboutCall(address, doing))
  return toWritten(head)
}

async function removeBlob(
  deps: CallDeps,
  address: ContainerAddress,
  { name }: Pick<RemoteFile, 'name'>,
  condition: Condition,
): Promise<boolean> {
  const doing = `remove “${name}”`
  const answer = await callStorage(deps, address, {
    doing,
    request: () => ({
      method: 'DELETE',
      path: toBlobPath(address, name),
      headers: toConditionHeaders(condition),
    }),
    accepts: [404],
  })
  if (answer.status !== 404) return true
  const code = answer.headers['x-ms-error-code'] ?? ''
  if (code !== '' && code !== 'BlobNotFound') throw storageFault(answer, aboutCall(address, doing))
  // Gone by an earlier try of ours, perhaps.
  return answer.mayRepeat
}

function toTagXml(tags: Readonly<Record<string, string>>): string {
  const rows = Object.entries(tags).map(
    ([key, value]) => `<Tag><Key>${escape(key)}</Key><Value>${escape(value)}</Value></Tag>`,
  )
  return `<?xml version="1.0" encoding="utf-8"?><Tags><TagSet>${rows.join('')}</TagSet></Tags>`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
