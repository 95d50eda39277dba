// Reads a tar archive from pieces as they come, whatever their lengths: entries, their contents, and
// nothing that was not there whole. Names are looked at by whoever plants them (tree/plant.ts).
import { Fault } from '../../core/fault.ts'
import type { Entry } from '../tree/entry.ts'
import {
  blockBytes,
  decodeHeader,
  decodeRecords,
  paddingOf,
  type PaxRecords,
} from './tar-header.ts'

/** Who is told of what an archive holds, in its order; the bytes of a piece are valid during the call only. */
export type TarSink = {
  onEntry: (entry: Entry) => void
  /** A piece of the content of the newest entry. */
  onContent: (bytes: Buffer) => void
  /** The newest entry is whole. */
  onEntryEnd: () => void
}

/** A reader of one archive. */
export type TarReader = {
  /** Takes the next bytes; throws `cache_archive_invalid`, `cache_entry_refused`, or what the sink throws. */
  push: (bytes: Buffer) => void
  /** Throws `cache_archive_invalid` when the archive has not come to its end. */
  end: () => void
}

// Our own records are a path, a target and two numbers.
const maxRecordBytes = 64 * 1024
const noRecords: PaxRecords = new Map()

/** Opens a reader that tells `sink`. */
export function createTarReader(sink: TarSink): TarReader {
  // What is being read now, and how much of it is still to come.
  let reading: 'header' | 'records' | 'content' | 'padding' | 'end' = 'header'
  let missing = blockBytes
  let paddingAfter = 0
  let records = noRecords
  let gathered: Buffer[] = []

  const next = (what: typeof reading, length: number) => {
    reading = what
    missing = length
  }
  const closeContent = () => {
    sink.onEntryEnd()
    if (paddingAfter > 0) next('padding', paddingAfter)
    else next('header', blockBytes)
  }
  const readHeader = (block: Buffer) => {
    const header = decodeHeader(block, records)
    if (header.kind === 'end') {
      if (records !== noRecords) throw damaged('it ends where an entry should follow')
      next('end', 0)
    } else if (header.kind === 'records') {
      if (records !== noRecords) throw damaged('an entry has two pax headers')
      if (header.sizeBytes === 0 || header.sizeBytes > maxRecordBytes) {
        throw damaged(`a pax header has ${header.sizeBytes} bytes`)
      }
      next('records', header.sizeBytes + paddingOf(header.sizeBytes))
      paddingAfter = paddingOf(header.sizeBytes)
    } else {
      records = noRecords
      paddingAfter = paddingOf(header.entry.sizeBytes)
      sink.onEntry(header.entry)
      if (header.entry.sizeBytes > 0) next('content', header.entry.sizeBytes)
      else closeContent()
    }
  }
  const readGathered = () => {
    const whole = gathered.length === 1 ? (gathered[0] ?? Buffer.alloc(0)) : Buffer.concat(gathered)
    gathered = []
    if (reading === 'header') {
      readHeader(whole)
      return
    }
    records = decodeRecords(whole.subarray(0, whole.length - paddingAfter))
    next('header', blockBytes)
  }
  const take = (piece: Buffer) => {
    missing -= piece.length
    if (reading === 'content') {
      sink.onContent(piece)
      if (missing === 0) closeContent()
    } else if (reading === 'padding') {
      if (missing === 0) next('header', blockBytes)
    } else {
      // A piece that is not whole has to outlive this call.
      gathered.push(missing === 0 && gathered.length === 0 ? piece : Buffer.from(piece))
      if (missing === 0) readGathered()
    }
  }
  return {
    push: (bytes) => {
      let at = 0
      while (at < bytes.length) {
        if (reading === 'end') {
          // The second block of zeros, and nothing else.
          if (bytes.subarray(at).some((byte) => byte !== 0))
            throw damaged('something follows its end')
          return
        }
        const piece = bytes.subarray(at, at + Math.min(missing, bytes.length - at))
        at += piece.length
        take(piece)
      }
    },
    end: () => {
      if (reading !== 'end') throw damaged('it ends too early')
    },
  }
}

function damaged(why: string): Fault {
  return new Fault('cache_archive_invalid', `The archive is damaged: ${why}.`)
}
