// For the tests of this room: a lab Entra with storage behind it, and plain calls to both.
import assert from 'node:assert/strict'

import { type EntraKit, readAnswer, startEntraKit } from './entra.fixture.ts'
import { send, type TestAnswer } from './issuer.fixture.ts'
import { type LabStorage, startStorage } from './storage.ts'

/** The one account of the kit. */
export const account = 'labaccount'

/** The running parts. */
export type StorageKit = {
  entraKit: EntraKit
  storage: LabStorage
  /** A storage token of the kit's application, by a real exchange. */
  exchange: () => Promise<string>
  /** A call with this bearer token; the path begins below the account and is sent as it is. */
  call: (token: string, call: StorageRequest) => Promise<TestAnswer>
  close: () => Promise<void>
}

/** A raw path with its query, and what else to send. */
export type StorageRequest = {
  method?: string
  path: string
  headers?: Record<string, string>
  body?: string
}

/** Starts everything, with the containers `files` and `others`. */
export async function startStorageKit(): Promise<StorageKit> {
  const entraKit = await startEntraKit()
  const { authority, entra } = entraKit
  const now = (): Date => entraKit.time
  const storage = await startStorage({ authority, entra, now }, { accounts: [account] })
  await storage.createContainer(account, 'files')
  await storage.createContainer(account, 'others')
  return {
    entraKit,
    storage,
    exchange: async () => String(readAnswer(await entraKit.askSigned({}))['access_token']),
    call: (token, { path, headers, ...call }) =>
      send(authority.caPem, storage.url, {
        ...call,
        path: `/${account}${path}`,
        headers: { 'x-ms-version': '2025-11-05', authorization: `Bearer ${token}`, ...headers },
      }),
    async close() {
      await storage.close()
      await entraKit.close()
    },
  }
}

/** An upload of a small text as one block blob. */
export function put(path: string, body = 'hello'): StorageRequest {
  return { method: 'PUT', path, headers: { 'x-ms-blob-type': 'BlockBlob' }, body }
}

/** Asserts an answer in Azure's form: status, header and XML. */
export function assertRefused(answer: TestAnswer, status: number, code: string, detail = ''): void {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.headers['x-ms-error-code'], code)
  const xml =
    /^\uFEFF<\?xml version="1\.0" encoding="utf-8"\?><Error><Code>(\w+)<\/Code><Message>[^<]+\nRequestId:[\w-]+\nTime:[\d:.TZ-]+<\/Message>(?:<AuthenticationErrorDetail>(.*)<\/AuthenticationErrorDetail>)?<\/Error>$/
  const [, xmlCode, xmlDetail = ''] = xml.exec(answer.text) ?? []
  assert.equal(xmlCode, code, answer.text)
  assert.equal(xmlDetail, detail)
}
