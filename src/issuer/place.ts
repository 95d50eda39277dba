// Places that public documents are written to: a folder that any web server serves, and a blob
// container (`$web` of a static site), where Put Blob is atomic by itself.
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { Fault, messageOf } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { documentHeaders } from './discovery.ts'
import type { Send } from './published.ts'

/** A place for documents; paths begin with a slash. Throws issuer_publish_failed or _refused. */
export type Place = {
  /** What messages call it; no secret in it. */
  name: string
  /** The text that is there; undefined when there is none. */
  read(path: string): Promise<string | undefined>
  /** Puts the whole text there, or leaves what was. */
  write(path: string, text: string): Promise<void>
}

/** A folder; files get mode 0644, because a web server of another user reads them. */
export function openFolder(folder: string): Place {
  const failed = (path: string, cause: unknown) =>
    new Fault('issuer_publish_failed', `${join(folder, path)}: ${messageOf(cause)}.`, { cause })
  return {
    name: folder,
    read: async (path) => {
      try {
        return await readFile(join(folder, path), 'utf8')
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw failed(path, cause)
      }
    },
    write: async (path, text) => {
      const file = join(folder, path)
      const draft = `${file}.${randomUUID()}.new`
      try {
        await mkdir(dirname(file), { recursive: true })
        const handle = await open(draft, 'wx', 0o644)
        try {
          await handle.writeFile(text)
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(draft, file)
      } catch (cause) {
        throw failed(path, cause)
      } finally {
        await rm(draft, { force: true })
      }
    },
  }
}

const apiVersion = '2023-11-03'

/** A container of a storage account, or a prefix in it (`https://acct.blob.core.windows.net/$web`). */
export function openContainer({ send, token }: { send: Send; token: Secret }, url: string): Place {
  const origin = new URL(url)
  const base = origin.pathname.replace(/\/+$/, '')
  const name = `${origin.origin}${base}`
  const call = async (method: 'GET' | 'PUT', path: string, body?: Buffer) => {
    const headers = {
      authorization: `Bearer ${token.reveal()}`,
      'x-ms-version': apiVersion,
      ...(body && blobHeaders),
    }
    const request = { method, origin, path: `${base}${path}`, headers, ...(body && { body }) }
    return send(request).catch((cause: unknown) => {
      const why = `${name} cannot be reached: ${messageOf(cause)}.`
      throw new Fault('issuer_publish_failed', why, { cause })
    })
  }
  return {
    name,
    read: async (path) => {
      const answer = await call('GET', path)
      if (answer.status === 404 && codeOf(answer) !== 'ContainerNotFound') return undefined
      if (answer.status !== 200) throw refusal(answer, `read ${name}${path}`)
      return answer.body.toString('utf8')
    },
    write: async (path, text) => {
      const answer = await call('PUT', path, Buffer.from(text))
      if (answer.status !== 201) throw refusal(answer, `write ${name}${path}`)
    },
  }
}

const blobHeaders = {
  'x-ms-blob-type': 'BlockBlob',
  'content-type': documentHeaders['content-type'],
  'x-ms-blob-content-type': documentHeaders['content-type'],
  'x-ms-blob-cache-control': documentHeaders['cache-control'],
}

type Answer = Awaited<ReturnType<Send>>

function codeOf({ headers }: Answer): string {
  return headers['x-ms-error-code'] ?? ''
}

function refusal(answer: Answer, doing: string): Fault {
  const { status } = answer
  const code = codeOf(answer)
  const requestId = answer.headers['x-ms-request-id'] ?? 'unknown'
  const said = `HTTP ${status}${code === '' ? '' : ` ${code}`}, request id ${requestId}`
  const sentence = `Storage does not let us ${doing} [${said}].`
  const isPassing = status === 408 || status === 429 || status >= 500
  if (isPassing) return new Fault('issuer_publish_failed', sentence)
  const hint = hints[code]
  return new Fault('issuer_publish_refused', sentence, hint === undefined ? {} : { hint })
}

const hints: Readonly<Record<string, string>> = {
  ContainerNotFound:
    'Enable the static website of the storage account, which makes the container $web, or correct the URL.',
  AuthorizationFailure: "Allow this machine's network in the account's firewall.",
  InvalidAuthenticationInfo:
    'Give a fresh token for storage: az account get-access-token --resource https://storage.azure.com/.',
  AuthenticationFailed:
    'Give a fresh token for storage: az account get-access-token --resource https://storage.azure.com/.',
}
