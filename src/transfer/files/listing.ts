// Reads the XML of List Directories and Files, and of List Ranges (Azure Files REST).
import { Fault } from '../../core/fault.ts'
import { element, scanXml, textOf, XmlError, type XmlListener, type XmlNode } from '../blob/xml.ts'

/** One entry of a level; times are milliseconds since 1970, NaN when the listing has none. */
export type FilesEntry = {
  base: string
  kind: 'file' | 'folder'
  id: string
  sizeBytes: number
  etag: string
  modifiedAtMs: number
  writtenAtMs: number
}

/** One page of a level; `nextMarker` is empty on the last one. */
export type FilesPage = { entries: FilesEntry[]; nextMarker: string }

/** Bytes `from` to `to`, both included. */
export type FileRange = { from: number; to: number }

const ids = {
  directory: 0,
  file: 1,
  name: 2,
  id: 3,
  size: 4,
  etag: 5,
  modified: 6,
  written: 7,
  marker: 8,
  range: 9,
  start: 10,
  end: 11,
}

const entryChildren = {
  Name: element(ids.name),
  FileId: element(ids.id),
  Properties: element(-1, {
    'Content-Length': element(ids.size),
    Etag: element(ids.etag),
    'Last-Modified': element(ids.modified),
    LastWriteTime: element(ids.written),
  }),
}

const listingDocument = element(-1, {
  EnumerationResults: element(-1, {
    Entries: element(-1, {
      Directory: element(ids.directory, entryChildren),
      File: element(ids.file, entryChildren),
    }),
    NextMarker: element(ids.marker),
  }),
})

const rangesDocument = element(-1, {
  Ranges: element(-1, {
    Range: element(ids.range, { Start: element(ids.start), End: element(ids.end) }),
  }),
})

/** Parses one page of a level; throws `azure_storage_refused` when it is not one. */
export function parseFilesListing(xml: Buffer): FilesPage {
  const page: FilesPage = { entries: [], nextMarker: '' }
  let draft = new Map<number, string>()
  scan(xml, listingDocument, 'a listing of files', (id, text) => {
    if (id === ids.directory || id === ids.file) {
      page.entries.push(toEntry(id === ids.file ? 'file' : 'folder', draft))
      draft = new Map()
    } else if (id === ids.marker) page.nextMarker = textOf(xml, text)
    else {
      const isEncoded =
        id === ids.name &&
        xml.toString('latin1', text.nameTo, text.tagTo).includes('Encoded="true"')
      draft.set(id, isEncoded ? decode(textOf(xml, text)) : textOf(xml, text))
    }
  })
  return page
}

/** Parses the written ranges of a file; throws `azure_storage_refused` when it is something else. */
export function parseRanges(xml: Buffer): FileRange[] {
  const ranges: FileRange[] = []
  let draft = new Map<number, string>()
  scan(xml, rangesDocument, 'a list of ranges', (id, text) => {
    if (id !== ids.range) {
      draft.set(id, textOf(xml, text))
      return
    }
    const [from, to] = [Number(draft.get(ids.start)), Number(draft.get(ids.end))]
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to))
      throw unreadable('a list of ranges')
    ranges.push({ from, to })
    draft = new Map()
  })
  return ranges
}

function toEntry(kind: FilesEntry['kind'], draft: ReadonlyMap<number, string>): FilesEntry {
  const base = draft.get(ids.name) ?? ''
  const size = draft.get(ids.size) ?? '0'
  // What a name means as a path is decided here: one with a slash would lead elsewhere.
  const isOdd = base === '' || base === '.' || base === '..' || base.includes('/')
  if (isOdd || !/^\d{1,15}$/.test(size)) throw unreadable('a listing of files')
  return {
    base,
    kind,
    id: draft.get(ids.id) ?? '',
    sizeBytes: kind === 'file' ? Number(size) : 0,
    etag: draft.get(ids.etag) ?? '',
    modifiedAtMs: Date.parse(draft.get(ids.modified) ?? ''),
    writtenAtMs: Date.parse(draft.get(ids.written) ?? ''),
  }
}

function scan(xml: Buffer, document: XmlNode, what: string, listener: XmlListener): void {
  try {
    scanXml(xml, document, listener)
  } catch (error) {
    throw error instanceof XmlError ? unreadable(what, error) : error
  }
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    throw unreadable('a listing of files')
  }
}

function unreadable(what: string, cause?: unknown): Fault {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  return new Fault(
    'azure_storage_refused',
    `The storage endpoint answered with something other than ${what}${why}.`,
    {
      cause,
      hint: 'Check the `endpoint` setting, and proxies between the step and the storage endpoint.',
    },
  )
}
