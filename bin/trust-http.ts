// The HTTP client of the `trust` commands: the proxies of the environment, and a CA beside the usual ones.
import { readFileSync } from 'node:fs'

import { Fault, messageOf } from '../src/core/fault.ts'
import type { HttpClient } from '../src/http/http.ts'
import { openHttp } from '../src/http/open.ts'
import { readProxy } from '../src/http/read-proxy.ts'

const maxBodyBytes = 32 * 1024 * 1024

/** A client that trusts `ca` (PEM) too; close it when done. */
export function openTrustHttp(ca: string | undefined): HttpClient {
  return openHttp({
    maxConnections: 4,
    maxBodyBytes,
    ...(ca !== undefined && { extraCa: [ca] }),
    proxy: readProxy(process.env),
  })
}

/** The certificates of `--ca-file`, if it is given; throws config_invalid. */
export function readCaFile(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('config_invalid', `${file} cannot be read: ${messageOf(cause)}.`, { cause })
  }
}
