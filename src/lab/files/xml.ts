// The XML answers of Azure Files: a level of a directory, shares, ranges (Azure Files REST, "List
// Directories and Files", "List Shares", "List Ranges").
import { type FilesCall, type FilesAnswer, xmlAnswer } from './call.ts'
import { escapeXml, filesRefusal } from './errors.ts'
import type { ByteRange } from './sparse.ts'
import { type DirectoryNode, type FilesNode, foldName, type Share } from './tree.ts'

const includeNames = new Set(['Timestamps', 'Etag', 'Attributes', 'PermissionKey'])

/** One page of what is directly inside of a directory: directories first, then by folded name. */
export function listDirectory(
  call: FilesCall,
  share: Share,
  directory: DirectoryNode,
): FilesAnswer {
  const prefix = call.query.get('prefix') ?? ''
  const folded = foldName(share, prefix)
  const include = readInclude(call.query.get('include') ?? '')
  const all = sortedChildren(share, directory).filter(
    (node) => prefix === '' || foldName(share, node.name).startsWith(folded),
  )
  const page = toPage(call, all, (node) => `${rank(node)}${foldName(share, node.name)}`)
  const entries = page.items.map((node) => describeEntry(node, include)).join('')
  const path = escapeXml(call.segments.join('/'))
  return xmlAnswer(
    `<EnumerationResults ServiceEndpoint="${escapeXml(call.endpoint)}" ShareName="${share.name}" DirectoryPath="${path}">` +
      `${prefix === '' ? '' : `<Prefix>${escapeXml(prefix)}</Prefix>`}${page.head}` +
      `<DirectoryId>${directory.id}</DirectoryId><Entries>${entries}</Entries>${page.tail}</EnumerationResults>`,
  )
}

/** One page of the shares of an account. */
export function listShares(call: FilesCall, shares: readonly Share[]): FilesAnswer {
  const prefix = call.query.get('prefix') ?? ''
  const all = shares
    .filter(({ name }) => name.startsWith(prefix))
    .toSorted((a, b) => compare(a.name, b.name))
  const page = toPage(call, all, ({ name }) => name)
  const entries = page.items.map(
    ({ name, root, quotaGiB, protocol }) =>
      `<Share><Name>${name}</Name><Properties><Last-Modified>${root.modifiedAt.toUTCString()}</Last-Modified><Etag>${root.etag}</Etag><Quota>${quotaGiB}</Quota><EnabledProtocols>${protocol}</EnabledProtocols><LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState></Properties></Share>`,
  )
  return xmlAnswer(
    `<EnumerationResults ServiceEndpoint="${escapeXml(call.endpoint)}">${page.head}<Shares>${entries.join('')}</Shares>${page.tail}</EnumerationResults>`,
  )
}

/** The written ranges of a file. */
export function describeRanges(ranges: readonly ByteRange[]): string {
  if (ranges.length === 0) return '<Ranges />'
  const rows = ranges.map(({ from, to }) => `<Range><Start>${from}</Start><End>${to}</End></Range>`)
  return `<Ranges>${rows.join('')}</Ranges>`
}

function readInclude(text: string): Set<string> {
  const include = new Set(text.split(',').filter((name) => name !== ''))
  if (!include.isSubsetOf(includeNames)) {
    const element = { QueryParameterName: 'include', QueryParameterValue: text }
    throw filesRefusal('OutOfRangeQueryParameterValue', element)
  }
  return include
}

function sortedChildren(share: Share, directory: DirectoryNode): FilesNode[] {
  directory.sorted ??= [...directory.children.values()].toSorted(
    (a, b) => rank(a) - rank(b) || compare(foldName(share, a.name), foldName(share, b.name)),
  )
  return directory.sorted
}

function rank({ kind }: FilesNode): number {
  return kind === 'directory' ? 0 : 1
}

function describeEntry(node: FilesNode, include: Set<string>): string {
  const tag = node.kind === 'directory' ? 'Directory' : 'File'
  const size = node.kind === 'file' ? `<Content-Length>${node.sizeBytes}</Content-Length>` : ''
  const length = node.kind === 'link' ? '<Content-Length>0</Content-Length>' : size
  const times = include.has('Timestamps')
    ? `<CreationTime>${node.createdTime}</CreationTime><LastAccessTime>${node.writtenTime}</LastAccessTime><LastWriteTime>${node.writtenTime}</LastWriteTime><ChangeTime>${node.changedTime}</ChangeTime><Last-Modified>${node.modifiedAt.toUTCString()}</Last-Modified>`
    : ''
  const etag = include.has('Etag') ? `<Etag>${node.etag}</Etag>` : ''
  const inner = `${length}${times}${etag}`
  const properties = inner === '' ? '<Properties />' : `<Properties>${inner}</Properties>`
  const attributes = include.has('Attributes') ? `<Attributes>${node.attributes}</Attributes>` : ''
  const key = include.has('PermissionKey')
    ? '<PermissionKey>10950351419671890465*4564291401320309423</PermissionKey>'
    : ''
  return `<${tag}>${describeName(node.name)}<FileId>${node.id}</FileId>${properties}${attributes}${key}</${tag}>`
}

// XML 1.0 cannot carry these characters in any form, so the name is percent-encoded instead.
function describeName(name: string): string {
  return /[\ufffe\uffff]/.test(name)
    ? `<Name Encoded="true">${encodeURIComponent(name)}</Name>`
    : `<Name>${escapeXml(name)}</Name>`
}

type Page<T> = { items: readonly T[]; head: string; tail: string }

// The marker is the key of the next item: it holds also while others come and go.
function toPage<T>(
  { query, limits }: FilesCall,
  all: readonly T[],
  keyOf: (item: T) => string,
): Page<T> {
  const marker = query.get('marker') ?? ''
  const maxText = query.get('maxresults')
  const max = maxText === null ? limits.pageLength : Number(maxText)
  if (!Number.isInteger(max) || max <= 0) {
    throw filesRefusal('OutOfRangeQueryParameterValue', {
      QueryParameterName: 'maxresults',
      QueryParameterValue: maxText ?? '',
    })
  }
  const from = marker === '' ? '' : Buffer.from(marker, 'base64url').toString('utf8')
  const start = marker === '' ? 0 : all.findIndex((item) => keyOf(item) >= from)
  const items = start < 0 ? [] : all.slice(start, start + Math.min(max, limits.pageLength))
  const next = start < 0 ? undefined : all[start + items.length]
  const head =
    (marker === '' ? '' : `<Marker>${escapeXml(marker)}</Marker>`) +
    (maxText === null ? '' : `<MaxResults>${max}</MaxResults>`)
  const tail =
    next === undefined
      ? '<NextMarker />'
      : `<NextMarker>${Buffer.from(keyOf(next)).toString('base64url')}</NextMarker>`
  return { items, head, tail }
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
