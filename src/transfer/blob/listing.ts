// Reads the XML of List Blobs with a small strict scanner: elements, text and entities, nothing else.
// A document type, a comment or a tag out of place means that it is not from Blob Storage.
import { Fault } from '../../core/fault.ts'

/** One blob of a listing. */
export type BlobEntry = {
  name: string
  sizeBytes: number
  /** Base64 MD5 of the whole blob; empty when the blob has none. */
  contentMd5: string
  /** A folder of a hierarchical account, or the empty blob some tools write to stand for one. */
  isFolder: boolean
}

/** One page of a listing; `nextMarker` is empty on the last one. */
export type BlobPage = { entries: BlobEntry[]; nextMarker: string }

type Draft = { name: string; encoded: boolean; size: string; md5: string; isFolder: boolean }

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

/** Parses one answer of List Blobs; throws `azure_storage_refused` when it is not one. */
export function parseListing(xml: string): BlobPage {
  const page: BlobPage = { entries: [], nextMarker: '' }
  let draft = emptyDraft()
  scan(xml, {
    onOpen: (path, attributes) => {
      if (path === blobPath) draft = emptyDraft()
      else if (path === `${blobPath}/Name`) draft.encoded = /\bEncoded="true"/.test(attributes)
    },
    onClose: (path, text) => {
      if (path === blobPath) page.entries.push(toEntry(draft))
      else if (path === 'EnumerationResults/NextMarker') page.nextMarker = text
      else if (path.startsWith(blobPath)) fill(draft, path.slice(blobPath.length + 1), text)
    },
  })
  return page
}

const blobPath = 'EnumerationResults/Blobs/Blob'

function emptyDraft(): Draft {
  return { name: '', encoded: false, size: '', md5: '', isFolder: false }
}

function fill(draft: Draft, path: string, text: string): void {
  if (path === 'Name') draft.name = text
  else if (path === 'Properties/Content-Length') draft.size = text
  else if (path === 'Properties/Content-MD5') draft.md5 = text
  else if (path === 'Properties/ResourceType') draft.isFolder ||= text === 'directory'
  else if (path.toLowerCase() === 'metadata/hdi_isfolder') draft.isFolder ||= text === 'true'
}

function toEntry({ name, encoded, size, md5, isFolder }: Draft): BlobEntry {
  if (name === '' || (size !== '' && !/^\d{1,15}$/.test(size)))
    throw unreadable('a blob without a name or size')
  return { name: encoded ? decode(name) : name, sizeBytes: Number(size), contentMd5: md5, isFolder }
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    throw unreadable('a name that is not percent-encoded UTF-8')
  }
}

type Handlers = {
  onOpen: (path: string, attributes: string) => void
  /** `text` is all the text directly inside of the element. */
  onClose: (path: string, text: string) => void
}

const tagForm = /^([A-Za-z_][\w.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)$/

// `path` is the element names from the root, joined by `/`.
function scan(xml: string, handlers: Handlers): void {
  const open: { path: string; text: string }[] = []
  let at = /^\ufeff?\s*(?:<\?xml[^>]*\?>)?\s*/.exec(xml)?.[0].length ?? 0
  let roots = 0
  while (at < xml.length) {
    const start = xml.indexOf('<', at)
    const text = xml.slice(at, start < 0 ? xml.length : start)
    const inside = open.at(-1)
    if (inside) inside.text += unescape(text)
    else if (text.trim() !== '') throw unreadable('text outside of elements')
    if (start < 0) break
    const end = xml.indexOf('>', start)
    if (end < 0) throw unreadable('an unfinished tag')
    const tag = xml.slice(start + 1, end)
    if (tag.startsWith('/')) close(open, tag.slice(1).trimEnd(), handlers)
    else {
      if (!inside && roots++ > 0) throw unreadable('a second root element')
      openTag(open, tag, handlers)
    }
    at = end + 1
  }
  if (open.length > 0 || roots === 0) throw unreadable('an unfinished document')
}

function openTag(open: { path: string; text: string }[], tag: string, handlers: Handlers): void {
  const match = tagForm.exec(tag)
  if (!match) throw unreadable('a tag of another form')
  const [, name = '', attributes = '', slash] = match
  const parent = open.at(-1)
  const path = parent ? `${parent.path}/${name}` : name
  handlers.onOpen(path, attributes)
  if (slash === '/') handlers.onClose(path, '')
  else open.push({ path, text: '' })
}

function close(open: { path: string; text: string }[], name: string, handlers: Handlers): void {
  const last = open.pop()
  if (!last || last.path.slice(last.path.lastIndexOf('/') + 1) !== name) {
    throw unreadable('a closing tag out of place')
  }
  handlers.onClose(last.path, last.text)
}

function unescape(text: string): string {
  if (!text.includes('&')) return text
  return text.replaceAll(
    /&(#x[\dA-Fa-f]{1,6}|#\d{1,7}|\w+)?;?/g,
    (whole, body: string | undefined) => {
      const known = body === undefined || !whole.endsWith(';') ? undefined : resolve(body)
      if (known === undefined) throw unreadable('an unknown entity')
      return known
    },
  )
}

function resolve(body: string): string | undefined {
  if (!body.startsWith('#')) return Object.hasOwn(entities, body) ? entities[body] : undefined
  const code = body[1] === 'x' ? Number.parseInt(body.slice(2), 16) : Number(body.slice(1))
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : undefined
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
