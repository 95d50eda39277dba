// A big blob in blocks. The name of a block says what is in it, so blocks that an interrupted run has
// left behind, or that the blob has already, need not be sent again.
import { createHash } from 'node:crypto'

import { storageFault } from '../../azure/storage-faults.ts'
import { Fault } from '../../core/fault.ts'
import type { Body } from '../../http/http.ts'
import type { Digests, Part, PartsOf, PartWriter, Write, Written } from '../remote.ts'
import { aboutCall, type CallDeps, callStorage } from './call.ts'
import { type ContainerAddress, toBlobPath } from './names.ts'
import { toMetadataHeaders, toPlacementHeaders, toPropertyHeaders } from './properties.ts'
import { writeUnder } from './write.ts'
import { element, scanXml, textOf, XmlError } from './xml.ts'

const mebibyte = 1024 * 1024
const maxBlocks = 50_000
const smallBlockBytes = 8 * mebibyte
const bigBlockBytes = 16 * mebibyte
const bigFromBytes = 4 * 1024 * mebibyte
// Azure wants all uncommitted names of a blob equally long; AzCopy's have this length too.
const usualIdBytes = 48
// An index and a CRC fit: the name tells the content.
const leastTellingBytes = 24

/** Length of every block but the last, for a content of so many bytes. */
export function chooseBlockBytes(sizeBytes: number): number {
  const usual = sizeBytes > bigFromBytes ? bigBlockBytes : smallBlockBytes
  const least = Math.ceil(sizeBytes / maxBlocks / smallBlockBytes) * smallBlockBytes
  return Math.max(usual, least)
}

/** The base64 name of a block; without a checksum it is bound to the version of the source instead. */
export function toBlockId(
  { index, sizeBytes, digests }: Part,
  sourceId: string,
  idBytes = usualIdBytes,
): string {
  // Too short to say what is in it; the next blob may have the usual length again.
  if (idBytes < leastTellingBytes) return encode(index.toString(16).padStart(idBytes, '0'))
  const { crc64, md5 } = digests
  const content = md5 ?? (crc64 === undefined ? sourceId : '')
  const crc = crc64 ? Buffer.from(crc64, 'base64').toString('hex') : '0'.repeat(16)
  const rest = createHash('sha256').update(`drone-block-1\n${sizeBytes}\n${content}`).digest('hex')
  return encode(`${String(index).padStart(8, '0')}${crc}${rest}`.slice(0, idBytes))
}

/** Opens a blob for writing in blocks, after one look at what is there; see `Remote.openParts`. */
export async function openBlocks(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
  { sizeBytes, sourceId }: PartsOf,
): Promise<PartWriter> {
  const path = toBlobPath(address, name)
  const doing = `upload “${name}”`
  const { idBytes, sizes } = await listBlocks(deps, address, name)
  const idOf = (part: Part): string => toBlockId(part, sourceId, idBytes)
  return {
    partBytes: chooseBlockBytes(sizeBytes),
    holds: (part) => idBytes >= leastTellingBytes && sizes.get(idOf(part)) === part.sizeBytes,
    put: async (part, body) => {
      await callStorage(deps, address, {
        doing,
        request: () => ({
          method: 'PUT',
          path: `${path}?comp=block&blockid=${encodeURIComponent(idOf(part))}`,
          body,
          headers: toChecksumHeaders(part.digests),
        }),
      })
    },
    commit: (parts, write) => commitBlocks(deps, address, name, parts.map(idOf), write),
  }
}

/** One whole content in one request. */
export function putBlob(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
  body: Buffer | Body,
  write: Write,
): Promise<Written> {
  return writeUnder(deps, address, {
    name,
    doing: `upload “${name}”`,
    condition: write.condition,
    request: {
      method: 'PUT',
      path: toBlobPath(address, name),
      body,
      headers: {
        'x-ms-blob-type': 'BlockBlob',
        ...toPropertyHeaders(write),
        ...toMetadataHeaders(write),
        ...toPlacementHeaders(write),
        ...toChecksumHeaders(write.digests),
      },
    },
  })
}

function commitBlocks(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
  ids: readonly string[],
  write: Write,
): Promise<Written> {
  const list = ids.map((id) => `<Latest>${id}</Latest>`).join('')
  return writeUnder(deps, address, {
    name,
    doing: `upload “${name}”`,
    condition: write.condition,
    request: {
      method: 'PUT',
      path: `${toBlobPath(address, name)}?comp=blocklist`,
      body: Buffer.from(`<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`),
      headers: {
        'content-type': 'application/xml',
        ...toPropertyHeaders(write),
        ...toMetadataHeaders(write),
        ...toPlacementHeaders(write),
      },
    },
  })
}

// The service takes one of the two.
function toChecksumHeaders({ crc64, md5 }: Digests): Record<string, string> {
  if (md5 !== undefined) return { 'content-md5': md5 }
  return crc64 === undefined ? {} : { 'x-ms-content-crc64': crc64 }
}

type KnownBlocks = { idBytes: number; sizes: Map<string, number> }

const [nameId, sizeId, foundId, pendingId] = [0, 1, 2, 3]
const blockOf = (id: number) =>
  element(-1, { Block: element(id, { Name: element(nameId), Size: element(sizeId) }) })
const document = element(-1, {
  BlockList: element(-1, {
    CommittedBlocks: blockOf(foundId),
    UncommittedBlocks: blockOf(pendingId),
  }),
})

async function listBlocks(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
): Promise<KnownBlocks> {
  const doing = `look for blocks of “${name}”`
  const answer = await callStorage(deps, address, {
    doing,
    request: () => ({
      method: 'GET',
      path: `${toBlobPath(address, name)}?comp=blocklist&blocklisttype=all`,
      headers: {},
    }),
    accepts: [404],
  })
  if (answer.status === 404) {
    const code = answer.headers['x-ms-error-code'] ?? ''
    if (code === 'BlobNotFound' || code === '') return { idBytes: usualIdBytes, sizes: new Map() }
    throw storageFault(answer, aboutCall(address, doing))
  }
  try {
    return readBlockList(answer.body)
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
    throw new Fault(
      'azure_storage_refused',
      `Could not ${doing}: storage answered with something other than a block list (${error.message}).`,
    )
  }
}

/** The blocks of an answer to Get Block List, and how long new names have to be; throws an XmlError. */
export function readBlockList(xml: Buffer): KnownBlocks {
  const sizes = new Map<string, number>()
  let idBytes = usualIdBytes
  let [name, size] = ['', '']
  scanXml(xml, document, (id, text) => {
    if (id === nameId) name = textOf(xml, text)
    else if (id === sizeId) size = textOf(xml, text)
    else {
      if (!/^\d{1,15}$/.test(size)) throw new XmlError('a block without a size')
      sizes.set(name, Number(size))
      // Blocks that another tool has left: ours must be named at their length, or are refused.
      if (id === pendingId) idBytes = Buffer.from(name, 'base64').length
    }
  })
  return { idBytes, sizes }
}

function encode(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64')
}
