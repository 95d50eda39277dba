// Anchors: signed checkpoints are brought to where whoever has the database cannot change them. A file that
// only grows (put it on another machine's disk), and syslog (RFC 5424, framed by RFC 6587 over streams).
import { createSocket } from 'node:dgram'
import { mkdir, open, readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { dirname } from 'node:path'

import { messageOf } from '../core/fault.ts'
import type { Log } from '../core/log.ts'

/** A place that keeps notes. */
export type Anchor = { name: string; put: (note: string) => Promise<void> }

/** Brings notes to every anchor; what fails is logged, for the ledger itself has them. */
export function createAnchoring(
  { log }: { log: Log },
  anchors: readonly Anchor[],
): (note: string) => Promise<void> {
  return async (note) => {
    for (const { name, put } of anchors) {
      await put(note).catch((error: unknown) => {
        log.error({ anchor: name, error: messageOf(error) }, 'the checkpoint could not be anchored')
      })
    }
  }
}

/** A file of notes, each behind the one before it and on the disk when it is told. */
export function fileAnchor(file: string): Anchor {
  return {
    name: file,
    put: async (note) => {
      await mkdir(dirname(file), { recursive: true })
      const handle = await open(file, 'a', 0o640)
      try {
        // One write, so that two nodes may share a file.
        await handle.write(`${note}\n`)
        await handle.sync()
      } finally {
        await handle.close()
      }
    },
  }
}

/** The notes of an anchor file, or of lines of syslog that a note was sent as. */
export async function readAnchorFile(file: string): Promise<string[]> {
  return splitNotes(await readFile(file, 'utf8'))
}

/** Every note in a text: as written to a file, or as a log has it in one line. */
export function splitNotes(text: string): string[] {
  const unfolded = text.replaceAll(
    /^.*ledger-checkpoint - (.*)$/gm,
    (_, line: string) => `${line.replaceAll('\\n', '\n')}\n`,
  )
  const form = /azure-storage-drone\/\S+\n\d+\n\S+\n(?:[^\n]+\n)*\n(?:— \S+ \S+\n)+/g
  return unfolded.match(form) ?? []
}

// local0.notice: a record for keeping (RFC 5424 §6.2.1).
const priority = 16 * 8 + 5
const timeoutMs = 5000

/** A syslog server at `udp://host:port`, `tcp://host:port` or `unix:///path`. */
export function syslogAnchor(
  { now, host }: { now: () => Date; host: string },
  target: URL,
): Anchor {
  return {
    name: target.href,
    put: async (note) => {
      // A line feed would end the message for many a server; the note is one line of it.
      const line = note.replaceAll('\n', '\\n')
      const header = `<${priority}>1 ${now().toISOString()} ${host} azure-storage-drone`
      const message = Buffer.from(`${header} - ledger-checkpoint - ${line}`)
      if (target.protocol === 'udp:') await sendDatagram(target, message)
      else await sendFramed(target, message)
    },
  }
}

function sendDatagram({ hostname, port }: URL, message: Buffer): Promise<void> {
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.send(message, Number(port || 514), host, (error) => {
      socket.close()
      if (error) reject(error)
      else resolve()
    })
  })
}

function sendFramed(target: URL, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = openStream(target)
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('it does not answer')))
    socket.once('error', reject)
    socket.once('close', () => resolve())
    // Octet counting (RFC 6587 §3.4.1); the other side's end tells that it has all.
    socket.end(Buffer.concat([Buffer.from(`${message.length} `), message]))
    socket.resume()
  })
}

function openStream({ protocol, hostname, port, pathname }: URL): Socket {
  if (protocol === 'unix:') return connect(decodeURIComponent(pathname))
  return connect(Number(port || 601), hostname.replace(/^\[|\]$/g, ''))
}
