// One call as the operations see it, and the answer they give; headers that several operations share
// are read and written here in one way (Azure Files REST, "Create File", "Set File Properties").
import type { IncomingHttpHeaders } from 'node:http'

import { filesRefusal } from './errors.ts'
import { type FileNode, type FilesNode, type FilesTree, type Share, toFilesTime } from './tree.ts'

/** A call that was admitted. */
export type FilesCall = {
  tree: FilesTree
  accounts: ReadonlySet<string>
  account: string
  /** `https://host/`, for listings. */
  endpoint: string
  shareName: string
  segments: readonly string[]
  query: URLSearchParams
  headers: IncomingHttpHeaders
  /** The content: a structured body is unpacked already. */
  body: Buffer
  isStructured: boolean
  limits: { withoutContent: boolean; pageLength: number }
  /** The API version the client speaks. */
  version: string
  newId: () => string
  /** Whether the caller may read in another share of this account, for copies. */
  mayRead: (share: string) => boolean
}

/** What a call is answered with; without a length the body goes out chunked. */
export type FilesAnswer = {
  status: number
  headers: Record<string, string>
  pieces?: readonly Buffer[]
  isChunked?: boolean
}

/** A header of the call, empty when absent. */
export function headerIn({ headers }: Pick<FilesCall, 'headers'>, name: string): string {
  return [headers[name] ?? ''].flat().join(', ')
}

/** A header the call must have. */
export function requireHeader(call: Pick<FilesCall, 'headers'>, name: string): string {
  const value = headerIn(call, name)
  if (value === '') throw filesRefusal('MissingRequiredHeader', { HeaderName: name })
  return value
}

/** The share the call is about. */
export function shareOf({ tree, account, shareName }: FilesCall): Share {
  const share = tree.shares.get(`${account}/${shareName}`)
  if (!share) throw filesRefusal('ShareNotFound')
  return share
}

/** The user's metadata in the call; undefined when it names none. */
export function metadataIn({ headers }: FilesCall): Record<string, string> | undefined {
  const prefix = 'x-ms-meta-'
  const found = Object.entries(headers).filter(([name]) => name.startsWith(prefix))
  if (found.length === 0) return undefined
  return Object.fromEntries(
    found.map(([name, value]) => {
      const key = name.slice(prefix.length)
      if (key === '') throw filesRefusal('EmptyMetadataKey')
      if (!/^[a-z_][a-z0-9_]*$/i.test(key)) throw filesRefusal('InvalidMetadata')
      return [key, [value ?? ''].flat().join(', ')]
    }),
  )
}

const httpNames = [
  'content-type',
  'content-encoding',
  'content-language',
  'content-disposition',
  'cache-control',
  'content-md5',
]

/** The content headers a file is given: what is absent is not kept, and the type has a default. */
export function httpHeadersIn(call: FilesCall): Record<string, string> {
  const given = httpNames.flatMap((name) => {
    const value = headerIn(call, `x-ms-${name}`)
    return value === '' ? [] : [[name, value] as const]
  })
  return { 'content-type': 'application/octet-stream', ...Object.fromEntries(given) }
}

/** Applies times, attributes and POSIX properties; `now` and `preserve` mean what they say. */
export function applyFileProperties(call: FilesCall, share: Share, node: FilesNode): void {
  node.createdTime = timeIn(call, 'x-ms-file-creation-time', node.createdTime)
  node.writtenTime = timeIn(call, 'x-ms-file-last-write-time', node.writtenTime)
  node.changedTime = timeIn(call, 'x-ms-file-change-time', node.changedTime)
  const attributes = headerIn(call, 'x-ms-file-attributes')
  const posix = ['x-ms-mode', 'x-ms-owner', 'x-ms-group'].filter(
    (name) => headerIn(call, name) !== '',
  )
  if (share.protocol === 'NFS') {
    if (attributes !== '') {
      throw filesRefusal('UnsupportedHeader', { HeaderName: 'x-ms-file-attributes' })
    }
    node.mode = modeIn(call) || node.mode
    node.owner = headerIn(call, 'x-ms-owner') || node.owner
    node.group = headerIn(call, 'x-ms-group') || node.group
  } else {
    const [odd] = posix
    if (odd !== undefined) throw filesRefusal('UnsupportedHeader', { HeaderName: odd })
    if (!['', 'preserve', 'None'].includes(attributes)) node.attributes = attributes
  }
}

/** The headers that tell a node's state after a change. */
export function stateHeaders(share: Share, node: FilesNode): Record<string, string> {
  const common = {
    etag: node.etag,
    'last-modified': node.modifiedAt.toUTCString(),
    'x-ms-file-change-time': node.changedTime,
    'x-ms-file-creation-time': node.createdTime,
    'x-ms-file-last-write-time': node.writtenTime,
    'x-ms-file-id': node.id,
    'x-ms-file-parent-id': node.parent?.id ?? '0',
  }
  if (share.protocol === 'SMB') {
    const key = { 'x-ms-file-permission-key': '10950351419671890465*4564291401320309423' }
    return { ...common, ...key, 'x-ms-file-attributes': node.attributes }
  }
  const types = { directory: 'Directory', file: 'Regular', link: 'SymLink' }
  return {
    ...common,
    'x-ms-mode': node.mode,
    'x-ms-owner': node.owner,
    'x-ms-group': node.group,
    'x-ms-file-file-type': types[node.kind],
  }
}

/** The user's metadata as headers. */
export function metadataHeaders({ metadata }: Pick<FilesNode, 'metadata'>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [`x-ms-meta-${name}`, value]),
  )
}

/** Refuses a change to a leased file without its lease. */
export function assertLease(call: FilesCall, file: FileNode, header = 'x-ms-lease-id'): void {
  const given = headerIn(call, header)
  if (file.leaseId === '' && given !== '') throw filesRefusal('LeaseNotPresentWithFileOperation')
  if (file.leaseId === '') return
  if (given === '') throw filesRefusal('LeaseIdMissing')
  if (given !== file.leaseId) throw filesRefusal('LeaseIdMismatchWithFileOperation')
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers: Record<string, string> = {}): FilesAnswer {
  return { status, headers }
}

/** An XML document behind a byte order mark, sent chunked. */
export function xmlAnswer(xml: string, headers: Record<string, string> = {}): FilesAnswer {
  const body = Buffer.from(`\uFEFF<?xml version="1.0" encoding="utf-8"?>${xml}`)
  const type = { 'content-type': 'application/xml' }
  return { status: 200, headers: { ...type, ...headers }, pieces: [body], isChunked: true }
}

function timeIn(call: FilesCall, name: string, before: string): string {
  const text = headerIn(call, name)
  if (text === '' || text === 'preserve') return before
  if (text === 'now') return toFilesTime(call.tree.now())
  const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(?:Z|\+00:00)$/.exec(text)
  if (!form || Number.isNaN(Date.parse(text)))
    throw filesRefusal('InvalidHeaderValue', { HeaderName: name })
  return `${form[1]}.${(form[2] ?? '').padEnd(7, '0')}Z`
}

function modeIn(call: FilesCall): string {
  const mode = headerIn(call, 'x-ms-mode')
  if (mode === '' || /^[0-7]{3,4}$/.test(mode)) return mode === '' ? '' : mode.padStart(4, '0')
  throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-mode' })
}
