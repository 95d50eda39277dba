// For the tests of this room: a lab Entra with a file service behind it, plain calls to both, and
// Microsoft's client for it.
import assert from 'node:assert/strict'
import { lookup as dnsLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'

import { ShareServiceClient } from '@azure/storage-file-share'

import { type EntraKit, readAnswer, startEntraKit } from '../entra.fixture.ts'
import { send, type TestAnswer } from '../issuer.fixture.ts'
import { type LabFiles, startFilesServer } from './files-server.ts'
import type { FilesRole } from './roles.ts'

/** The one account of the kit, and its share from the start. */
export const account = 'labaccount'

/** The running parts. */
export type FilesKit = {
  entraKit: EntraKit
  files: LabFiles
  /** A storage token of the kit's application, by a real exchange. */
  exchange: () => Promise<string>
  /** Gives the kit's application a role, on one share or on the account; its id. */
  assign: (role: FilesRole, share?: string) => string
  /** A call with this bearer token; the path begins below the account and is sent as it is. */
  call: (token: string, call: FilesRequest) => Promise<TestAnswer>
  /** Microsoft's client, by `https://account.file.core.windows.net` or by a path-style URL. */
  openSdk: (style: 'host' | 'path', options?: object) => ShareServiceClient
  close: () => Promise<void>
}

/** A raw path with its query, and what else to send. */
export type FilesRequest = {
  method?: string
  path: string
  headers?: Record<string, string>
  body?: string
}

/** Starts everything, with the shares `files` and `others`. */
export async function startFilesKit({ maxBytes = 256 * 1024 * 1024 } = {}): Promise<FilesKit> {
  const entraKit = await startEntraKit()
  const { authority, entra } = entraKit
  const now = (): Date => entraKit.time
  const files = await startFilesServer(
    { authority, entra, now },
    { accounts: [account], maxBytes, isPlainToo: true },
  )
  files.createShare(account, 'files')
  files.createShare(account, 'others')
  const exchange = async () => String(readAnswer(await entraKit.askSigned({}))['access_token'])
  return {
    entraKit,
    files,
    exchange,
    assign: (role, share) =>
      files.assignRole({
        principalId: entraKit.app.objectId,
        role,
        account,
        ...(share !== undefined && { share }),
      }),
    call: (token, { path, headers, ...call }) =>
      send(authority.caPem, files.url, {
        ...call,
        path: `/${account}${path}`,
        headers: {
          'x-ms-version': '2026-02-06',
          'x-ms-file-request-intent': 'backup',
          authorization: `Bearer ${token}`,
          ...headers,
        },
      }),
    openSdk: (style, options = {}) => {
      const { port } = new URL(files.url)
      const endpoint =
        style === 'host'
          ? `https://${account}.file.core.windows.net:${port}`
          : files.endpointOf(account)
      const lookup: LookupFunction = (_host, how, callback) => dnsLookup('localhost', how, callback)
      const credential = {
        getToken: async () => ({
          token: await exchange(),
          expiresOnTimestamp: Date.now() + 600_000,
        }),
      }
      const common = {
        fileRequestIntent: 'backup' as const,
        retryOptions: { maxTries: 1 },
        tlsOptions: { ca: authority.caPem, lookup },
      }
      return new ShareServiceClient(endpoint, credential, { ...common, ...options })
    },
    async close() {
      await files.close()
      await entraKit.close()
    },
  }
}

/** A create of a file with this content. */
export function create(
  path: string,
  headers: Record<string, string> = {},
  body = '',
): FilesRequest {
  const needed = { 'x-ms-type': 'file', 'x-ms-content-length': String(body.length) }
  return { method: 'PUT', path, body, headers: { ...needed, ...headers } }
}

/** Asserts an answer in the service's form: status, header and XML. */
export function assertRefused(answer: TestAnswer, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.headers['x-ms-error-code']], [status, code], answer.text)
  const xml =
    /^\uFEFF<\?xml version="1\.0" encoding="utf-8"\?><Error><Code>(\w+)<\/Code><Message>[^<]+\nRequestId:[\w-]+\nTime:[\d:.TZ-]+<\/Message>(<\w+>[^<]*<\/\w+>)*<\/Error>$/
  assert.equal(xml.exec(answer.text)?.[1], code, answer.text)
}
