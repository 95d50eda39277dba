// Reads one answer of List Blobs
// (https://learn.microsoft.com/rest/api/storageservices/list-blobs).
import { Fault } from '../../core/fault.ts'
import type { Properties, RemoteFile } from '../remote.ts'
import { type Described, describe } from './properties.ts'
import {
  anyElements,
  element,
  scanXmlWindows,
  textOf,
  unescapeXml,
  XmlError,
  type XmlText,
} from './xml.ts'

/** One page of a listing; `nextMarker` is empty on the last one. */
export type BlobPage = {
  /** Read while they are asked for, some at a time: a page in whole would be most of the memory. */
  entries: Iterable<RemoteFile[]>
  nextMarker: string
}

type Field = keyof Described

const fields = {
  name: 'Name',
  size: 'Content-Length',
  etag: 'Etag',
  lastModified: 'Last-Modified',
  resourceType: 'ResourceType',
  contentMd5: 'Content-MD5',
  contentType: 'Content-Type',
  contentEncoding: 'Content-Encoding',
  contentLanguage: 'Content-Language',
  contentDisposition: 'Content-Disposition',
  cacheControl: 'Cache-Control',
  accessTier: 'AccessTier',
} as const satisfies Record<Field, string>

const fieldNames = Object.keys(fields) as Field[]
const nameId = fieldNames.indexOf('name')
const [blobId, nextMarkerId, metadataId] = [100, 101, 102]

const propertyNodes = Object.fromEntries(
  fieldNames
    .filter((field) => field !== 'name')
    .map((field) => [fields[field], element(fieldNames.indexOf(field))]),
)
const document = element(-1, {
  EnumerationResults: element(-1, {
    Blobs: element(-1, {
      Blob: element(blobId, {
        Name: element(nameId),
        Properties: element(-1, propertyNodes),
        Metadata: anyElements(metadataId),
      }),
    }),
    NextMarker: element(nextMarkerId),
  }),
})

/** Parses one answer of List Blobs; `entries` throw `azure_storage_refused` when it is not one. */
export function parseListing(xml: Buffer): BlobPage {
  const nextMarker = findNextMarker(xml)
  return { entries: readEntries(xml, nextMarker), nextMarker }
}

function* readEntries(xml: Buffer, nextMarker: string): Generator<RemoteFile[]> {
  let entries: RemoteFile[] = []
  let marker = ''
  let draft = emptyDraft()
  let metadata = new Map<string, string>()
  let before: RemoteFile | undefined
  const windows = scanXmlWindows(xml, document, (id, text) => {
    const field = fieldNames[id]
    if (field === 'name') draft.name = readName(xml, text)
    else if (field !== undefined) draft[field] = text.from === text.to ? '' : textOf(xml, text)
    else if (id === metadataId) {
      const name = xml.toString('latin1', text.nameFrom, text.nameTo).toLowerCase()
      metadata.set(name, textOf(xml, text))
    } else if (id === nextMarkerId) marker = textOf(xml, text)
    else {
      before = toEntry(draft, metadata, before)
      entries.push(before)
      draft = emptyDraft()
      if (metadata.size > 0) metadata = new Map()
    }
  })
  while (!isOver(windows)) {
    if (entries.length > 0) yield entries
    entries = []
  }
  // The rest of a listing must not be lost over a marker that is written in another way.
  if (marker !== nextMarker) throw unreadable('a marker out of place')
}

function isOver(windows: Generator<undefined, void>): boolean {
  try {
    return windows.next().done === true
  } catch (error) {
    throw error instanceof XmlError ? unreadable(error.message) : error
  }
}

// It is the last thing in a page, and the next page is asked for before this one is read.
function findNextMarker(xml: Buffer): string {
  const tag = '<NextMarker>'
  const at = xml.lastIndexOf(tag)
  const end = xml.indexOf('<', at + tag.length)
  if (at < 0 || end < 0) return ''
  try {
    return unescapeXml(xml.toString('utf8', at + tag.length, end))
  } catch {
    return ''
  }
}

function emptyDraft(): Described {
  return {
    name: '',
    size: '',
    etag: '',
    lastModified: '',
    resourceType: '',
    contentMd5: '',
    contentType: '',
    contentEncoding: '',
    contentLanguage: '',
    contentDisposition: '',
    cacheControl: '',
    accessTier: '',
  }
}

function toEntry(
  draft: Described,
  metadata: ReadonlyMap<string, string>,
  before: RemoteFile | undefined,
): RemoteFile {
  const { name, size } = draft
  if (name === '' || (size !== '' && !/^\d{1,15}$/.test(size))) {
    throw unreadable('a blob without a name or size')
  }
  const entry = describe(draft, metadata)
  // Most blobs have the properties of their neighbours: one record serves them all.
  if (before && isSame(entry.properties, before.properties)) entry.properties = before.properties
  return entry
}

function isSame(a: Properties, b: Properties): boolean {
  return (
    a.metadata === b.metadata &&
    a.contentType === b.contentType &&
    a.contentEncoding === b.contentEncoding &&
    a.contentLanguage === b.contentLanguage &&
    a.contentDisposition === b.contentDisposition &&
    a.cacheControl === b.cacheControl &&
    a.tier === b.tier
  )
}

function readName(xml: Buffer, text: XmlText): string {
  const name = textOf(xml, text)
  const isEncoded =
    text.tagTo > text.nameTo &&
    /\bEncoded="true"/.test(xml.toString('latin1', text.nameTo, text.tagTo))
  if (!isEncoded) return name
  try {
    return decodeURIComponent(name)
  } catch {
    throw unreadable('a name that is not percent-encoded UTF-8')
  }
}

function unreadable(what: string): Fault {
  return new Fault(
    'azure_storage_refused',
    `The storage endpoint answered with something other than a blob listing: ${what}.`,
    {
      hint: 'Check the `endpoint` setting, and proxies between the step and the storage endpoint.',
    },
  )
}
