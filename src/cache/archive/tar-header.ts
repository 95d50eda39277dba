// One entry as headers of a tar archive, and back: POSIX.1-2017 pax format, ustar where it suffices.
// The name of an entry is `<root>/<path>`, so that no archive can name a place of its own choosing.
import { Fault } from '../../core/fault.ts'
import type { Entry, EntryKind } from '../tree/entry.ts'

/** Headers and contents fill whole blocks of this length, bytes. */
export const blockBytes = 512

const typeFlags: Readonly<Record<EntryKind, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  folder: '5',
}
const kinds: ReadonlyMap<string, EntryKind> = new Map([
  ['0', 'file'],
  ['\0', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['5', 'folder'],
])

// Offsets and lengths of the fields of a ustar header.
const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
} as const
const maxOctal11 = 0o77777777777

/** The headers of an entry, without its content; always whole blocks. */
export function encodeHeader(entry: Entry): Buffer {
  const name = nameOf(entry)
  const target = entry.kind === 'hardlink' ? `${entry.root}/${entry.target}` : entry.target
  const seconds = Math.floor(entry.modifiedAtMs / 1000)
  const records: [string, string][] = []
  if (Buffer.byteLength(name) > fields.name[1]) records.push(['path', name])
  if (Buffer.byteLength(target) > fields.linkName[1]) records.push(['linkpath', target])
  if (entry.sizeBytes > maxOctal11) records.push(['size', String(entry.sizeBytes)])
  if (seconds * 1000 !== entry.modifiedAtMs || seconds < 0 || seconds > maxOctal11) {
    records.push(['mtime', showSeconds(entry.modifiedAtMs)])
  }
  const header = Buffer.alloc(blockBytes)
  writeFields(header, {
    name,
    mode: entry.mode,
    size: Math.min(entry.sizeBytes, maxOctal11),
    seconds: Math.min(Math.max(seconds, 0), maxOctal11),
    type: typeFlags[entry.kind],
    target,
  })
  return records.length === 0 ? header : Buffer.concat([encodeRecords(records), header])
}

/** Zeros that fill the last block of a content of this length. */
export function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes
}

/** What ends an archive: two blocks of zeros. */
export const endOfArchive: Readonly<Buffer> = Buffer.alloc(2 * blockBytes)

/** A header as read: an entry, records for the entry that follows, or the end. */
export type Header =
  | { kind: 'entry'; entry: Entry }
  | { kind: 'records'; sizeBytes: number }
  | { kind: 'end' }

/** Values of a pax header, by keyword. */
export type PaxRecords = ReadonlyMap<string, string>

/** Reads one block as a header; throws `cache_archive_invalid` for anything we would not have written. */
export function decodeHeader(block: Buffer, records: PaxRecords): Header {
  if (isZero(block)) return { kind: 'end' }
  if (readOctal(block, fields.checksum) !== sumOf(block))
    throw invalid('a header has another checksum')
  if (readText(block, fields.magic).slice(0, 5) !== 'ustar')
    throw invalid('a header is not of ustar form')
  const type = block.toString('latin1', fields.type[0], fields.type[0] + 1)
  if (type === 'x') return { kind: 'records', sizeBytes: readOctal(block, fields.size) }
  const kind = kinds.get(type)
  const shown = records.get('path') ?? readText(block, fields.name)
  if (!kind)
    throw refused(
      shown,
      `it is of the type ${JSON.stringify(type)}, and only files, folders and links are restored`,
    )
  const { root, path } = splitName(shown)
  const link = records.get('linkpath') ?? readText(block, fields.linkName)
  const size = records.get('size')
  const time = records.get('mtime')
  const sizeBytes = size === undefined ? readOctal(block, fields.size) : readNumber(size, shown)
  return {
    kind: 'entry',
    entry: {
      root,
      path,
      kind,
      mode: readOctal(block, fields.mode) & 0o7777,
      modifiedAtMs:
        time === undefined ? readOctal(block, fields.mtime) * 1000 : readMilliseconds(time, shown),
      sizeBytes: kind === 'file' ? sizeBytes : 0,
      target: kind === 'hardlink' ? targetOf(link, root, shown) : kind === 'symlink' ? link : '',
    },
  }
}

/** Reads the content of a pax header; throws `cache_archive_invalid`. */
export function decodeRecords(content: Buffer): PaxRecords {
  const records = new Map<string, string>()
  let at = 0
  while (at < content.length) {
    const space = content.indexOf(0x20, at)
    const length = Number(content.toString('latin1', at, space))
    const end = at + length
    const isWhole =
      space > at && Number.isInteger(length) && end > space + 1 && end <= content.length
    if (!isWhole || content[end - 1] !== 0x0a) throw invalid('a pax record has no proper length')
    const equals = content.indexOf(0x3d, space)
    if (equals < 0 || equals >= end) throw invalid('a pax record has no value')
    records.set(
      content.toString('utf8', space + 1, equals),
      content.toString('utf8', equals + 1, end - 1),
    )
    at = end
  }
  return records
}

function nameOf({ root, path, kind }: Entry): string {
  const name = path === '' ? `${root}` : `${root}/${path}`
  return kind === 'folder' ? `${name}/` : name
}

function splitName(name: string): { root: number; path: string } {
  const [, root, path = ''] = /^(0|[1-9]\d{0,3})(?:\/(.*?))?\/?$/s.exec(name) ?? []
  if (root === undefined)
    throw refused(name, 'its name does not begin with the number of a path of the step')
  return { root: Number(root), path }
}

function targetOf(link: string, root: number, shown: string): string {
  const prefix = `${root}/`
  if (!link.startsWith(prefix)) throw refused(shown, 'it is a hard link to what lies elsewhere')
  return link.slice(prefix.length)
}

type Fields = {
  name: string
  mode: number
  size: number
  seconds: number
  type: string
  target: string
}

function writeFields(header: Buffer, { name, mode, size, seconds, type, target }: Fields): void {
  writeText(header, fields.name, name)
  writeOctal(header, fields.mode, mode)
  writeOctal(header, fields.uid, 0)
  writeOctal(header, fields.gid, 0)
  writeOctal(header, fields.size, size)
  writeOctal(header, fields.mtime, seconds)
  header.write(type, fields.type[0], 'latin1')
  writeText(header, fields.linkName, target)
  header.write('ustar\x0000', fields.magic[0], 'latin1')
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, fields.checksum[0], 'latin1')
}

type Field = readonly [offset: number, length: number]

function writeText(header: Buffer, [offset, length]: Field, text: string): void {
  const bytes = Buffer.from(text, 'utf8')
  // What is longer stands in a pax record; the beginning is for readers who know none.
  bytes.copy(header, offset, 0, Math.min(length, bytes.length))
}

function writeOctal(header: Buffer, [offset, length]: Field, value: number): void {
  header.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1')
}

function readText(header: Buffer, [offset, length]: Field): string {
  const end = header.indexOf(0, offset)
  return header.toString('utf8', offset, end < 0 || end > offset + length ? offset + length : end)
}

function readOctal(header: Buffer, [offset, length]: Field): number {
  const text = header.toString('latin1', offset, offset + length).replaceAll(/[\0 ]/g, '')
  if (!/^[0-7]*$/.test(text)) throw invalid('a number of a header is not octal')
  return Number.parseInt(text || '0', 8)
}

function readNumber(text: string, shown: string): number {
  const value = Number(text)
  if (!/^-?\d{1,16}(\.\d{1,12})?$/.test(text) || !Number.isFinite(value)) {
    throw refused(shown, `${JSON.stringify(text)} is no number`)
  }
  return value
}

// The sum of all bytes, those of the sum itself counted as spaces.
function sumOf(header: Buffer): number {
  let sum = 0
  for (let index = 0; index < blockBytes; index += 1) {
    const isOfSum = index >= fields.checksum[0] && index < fields.checksum[0] + fields.checksum[1]
    sum += isOfSum ? 0x20 : (header[index] ?? 0)
  }
  return sum
}

function isZero(block: Buffer): boolean {
  return block.equals(endOfArchive.subarray(0, blockBytes))
}

function encodeRecords(records: readonly [string, string][]): Buffer {
  const content = Buffer.concat(records.map(([key, value]) => encodeRecord(key, value)))
  const header = Buffer.alloc(blockBytes)
  writeFields(header, {
    name: 'pax',
    mode: 0o644,
    size: content.length,
    seconds: 0,
    type: 'x',
    target: '',
  })
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))])
}

// A record begins with its own length in decimal, which counts itself.
function encodeRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`, 'utf8')
  let length = rest.length + 1
  while (String(length).length + rest.length !== length)
    length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length), 'latin1'), rest])
}

// The point is moved in the text: a division would not always come back to the same number.
function showSeconds(milliseconds: number): string {
  const sign = milliseconds < 0 ? '-' : ''
  const [whole = '', fraction = ''] = Math.abs(milliseconds).toFixed(6).split('.')
  const digits = whole.padStart(4, '0')
  return `${sign}${digits.slice(0, -3)}.${digits.slice(-3)}${fraction}`.replace(/\.?0+$/, '')
}

function readMilliseconds(text: string, shown: string): number {
  readNumber(text, shown)
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? []
  const digits = fraction.padEnd(3, '0')
  return Number(`${sign}${whole}${digits.slice(0, 3)}.${digits.slice(3)}`)
}

function invalid(why: string): Fault {
  return new Fault('cache_archive_invalid', `The archive is damaged: ${why}.`)
}

function refused(name: string, why: string): Fault {
  return new Fault('cache_entry_refused', `The entry ${JSON.stringify(name)} was refused: ${why}.`)
}
