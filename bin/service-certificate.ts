// The certificate of a TLS door, read from its files again and again: by content, because Kubernetes swaps a
// symbolic link above them and a copied file may bring an old time. What does not fit is left, with one line.
import { X509Certificate } from 'node:crypto'
import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'

import type { Listener } from '../src/config/service-config.ts'
import { pinOf } from '../src/core/digest.ts'
import { Fault, messageOf } from '../src/core/fault.ts'
import type { Log } from '../src/core/log.ts'

/** What a door presents (leaf, intermediates, private CA if there is one), its key, and the pin of that CA. */
export type Presented = { cert: string; key: string; pin: string | undefined }

/** Files of a door that speaks TLS. */
export type TlsFiles = NonNullable<Listener['tls']>

/** Reads a file of the configuration as text; throws config_invalid and says what it was. */
export type ReadFile = (file: string, what: string) => string

const lookEveryMs = 5000

/** The pair as the files have it now; throws config_invalid when one cannot be read or they do not fit. */
export function readPresented(read: ReadFile, files: TlsFiles): Presented {
  const { certificateFile, keyFile, caFile } = files
  const ca = caFile === undefined ? '' : read(caFile, 'CA file')
  // The CA is presented as well, so that a client can find the certificate its pin names.
  const cert = `${read(certificateFile, 'certificate')}\n${ca}`
  const key = read(keyFile, 'certificate key')
  try {
    createSecureContext({ cert, key })
    return { cert, key, pin: ca === '' ? undefined : pinOf(new X509Certificate(ca)) }
  } catch (cause) {
    throw new Fault(
      'config_invalid',
      `The certificate ${certificateFile} and its key ${keyFile} cannot be used together: ${messageOf(cause)}.`,
      { cause },
    )
  }
}

/** The door whose certificate is kept fresh. */
export type FreshDeps = { server: Server; read: ReadFile; log: Log; door: string }

/** Shows new pairs as they come, at SIGHUP and every five seconds, until the door is closed; returns the look itself. */
export function keepCertificateFresh(
  { server, read, log, door }: FreshDeps,
  files: TlsFiles,
  first: Presented,
): () => void {
  let shown = first
  let told = ''
  const tell = (reason: string) => {
    if (reason !== told) log.warn({ door, reason }, 'the certificate stays the old one')
    told = reason
  }
  const look = () => {
    try {
      const next = readPresented(read, files)
      if (next.pin !== first.pin) {
        // Request tokens name the CA's key: those out there, and those handed out until the next start.
        tell(`The CA in ${files.caFile} has another key, which takes effect at the next start.`)
        return
      }
      told = ''
      if (next.cert === shown.cert && next.key === shown.key) return
      server.setSecureContext({ cert: next.cert, key: next.key, minVersion: 'TLSv1.2' })
      shown = next
      log.info({ door, validTo: new X509Certificate(next.cert).validTo }, 'a new certificate')
    } catch (error) {
      tell(messageOf(error))
    }
  }
  const looking = setInterval(look, lookEveryMs).unref()
  process.on('SIGHUP', look)
  server.once('close', () => {
    clearInterval(looking)
    process.off('SIGHUP', look)
  })
  return look
}
