// What an interrupted download has on disk already: one line for each range that is written, bound to
// one version of one source. A range counts only after it was read again and its sum agrees.
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'

/** The version a journal belongs to; `source` is the address of what is read. */
export type Version = { source: string; etag: string; sizeBytes: number }

/** Bytes that are on disk, and their CRC-64. */
export type HeldRange = { from: number; sizeBytes: number; crc64: string }

/** A journal that is being written. */
export type Journal = { note: (range: HeldRange) => void; close: () => void }

const headMark = 'azure-storage-drone download 1 '
const linePattern = /^(\d{1,15}) (\d{1,15}) ([A-Za-z0-9+/]{11}=)$/
// A journal of the biggest blob there is has fewer lines than this leaves room for.
const maxBytes = 16 * 1024 * 1024

/** Begins a journal in a new file, or goes on with the one that is there. */
export function openJournal(
  path: string,
  version: Version,
  { isNew }: { isNew: boolean },
): Journal {
  const mode = isNew ? constants.O_CREAT | constants.O_EXCL : 0
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW | mode
  const fd = openSync(path, flags, 0o600)
  if (isNew) writeSync(fd, `${headMark}${toHead(version)}\n`)
  // One write each, so that a kill leaves a torn last line at most.
  return {
    note: ({ from, sizeBytes, crc64 }) => {
      writeSync(fd, `${from} ${sizeBytes} ${crc64}\n`)
    },
    close: () => closeSync(fd),
  }
}

/** The ranges of a journal; undefined when it is none, or that of another version. */
export function readJournal(path: string, version: Version): HeldRange[] | undefined {
  let text: string
  try {
    text = readFileSync(path, {
      encoding: 'latin1',
      flag: constants.O_RDONLY | constants.O_NOFOLLOW,
    })
  } catch {
    return undefined
  }
  return text.length > maxBytes ? undefined : parseJournal(text, version)
}

/** Reads the text of a journal; torn or senseless lines are left out. */
export function parseJournal(text: string, version: Version): HeldRange[] | undefined {
  const [head, ...lines] = text.split('\n')
  if (head !== `${headMark}${toHead(version)}`) return undefined
  // What comes after the last line's end is a line that was torn.
  lines.pop()
  const ranges = new Map<number, HeldRange>()
  for (const line of lines) {
    const [, from, sizeBytes, crc64 = ''] = linePattern.exec(line) ?? []
    const range = { from: Number(from), sizeBytes: Number(sizeBytes), crc64 }
    const to = range.from + range.sizeBytes
    if (range.sizeBytes > 0 && to <= version.sizeBytes) ranges.set(range.from, range)
  }
  return [...ranges.values()]
}

// Escaped to ASCII, so that the bytes on disk are the same in every encoding.
function toHead({ source, etag, sizeBytes }: Version): string {
  // Listings give the ETag without quotes, answers with them.
  const version = encodeURIComponent(etag.replaceAll('"', ''))
  return `${encodeURIComponent(source)} ${version} ${sizeBytes}`
}
