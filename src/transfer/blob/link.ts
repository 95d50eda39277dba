// A link to one blob: a user delegation SAS, read-only, https only, an hour at most
// (https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas). It is signed with
// a key that storage gives to our identity, and can do no more than that identity may.
import { createHmac } from 'node:crypto'

import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { type CallDeps, callStorage } from './call.ts'
import { assertBlobName, type ContainerAddress, toBlobPath } from './names.ts'
import { readHead } from './write.ts'
import { element, scanXml, textOf, XmlError } from './xml.ts'

/** What to link to, and for how long; more than an hour is cut to an hour. */
export type LinkWish = { name: string; lifetimeSeconds: number }

/** A link; whoever has the URL may read the blob until the time is over. */
export type BlobLink = { name: string; url: Secret; expiresAt: Date }

/** A user delegation key as storage gives it; times as they were sent. */
export type DelegationKey = {
  objectId: string
  tenantId: string
  startsAt: string
  expiresAt: string
  service: string
  version: string
  value: string
}

// The newest form of the text to sign that the service and the emulator have had for years.
const sasVersion = '2022-11-02'
const maxLifetimeSeconds = 3_600
// A clock that is behind ours would find the link not begun yet.
const clockSkewMs = 5 * 60_000

/** Makes a link; throws `transfer_blob_absent` when nothing has the name. */
export async function createLink(
  deps: CallDeps,
  address: ContainerAddress,
  { name, lifetimeSeconds }: LinkWish,
): Promise<BlobLink> {
  assertBlobName(name)
  if (!(await readHead(deps, address, name))) {
    throw new Fault('transfer_blob_absent', `There is no “${name}” to link to.`)
  }
  const now = deps.now().getTime()
  const lifetimeMs = Math.min(lifetimeSeconds, maxLifetimeSeconds) * 1_000
  const [startsAt, expiresAt] = [new Date(now - clockSkewMs), new Date(now + lifetimeMs)]
  const key = await fetchKey(deps, address, toTime(startsAt), toTime(expiresAt)).catch(
    (error: unknown) => {
      throw isRoleMissing(error) ? needsDelegator(error) : error
    },
  )
  const query = signLink(key, address, name, { from: toTime(startsAt), to: toTime(expiresAt) })
  const url = `${address.origin.origin}${toBlobPath(address, name)}?${query}`
  // To the second, as the link says.
  return { name, url: new Secret(url), expiresAt: new Date(toTime(expiresAt)) }
}

/** The query of a link to a blob; `from` and `to` are times like `2026-01-31T00:00:00Z`. */
export function signLink(
  key: DelegationKey,
  address: ContainerAddress,
  name: string,
  { from, to }: { from: string; to: string },
): string {
  const textToSign = [
    'r',
    from,
    to,
    `/blob/${accountOf(address)}/${address.container}/${name}`,
    key.objectId,
    key.tenantId,
    key.startsAt,
    key.expiresAt,
    key.service,
    key.version,
    // An authorized object id, an unauthorized one, a correlation id, an address range: none.
    '\n\n\n',
    'https',
    sasVersion,
    'b',
    // A snapshot, an encryption scope, and five headers to answer with: none.
    '\n\n\n\n\n\n',
  ].join('\n')
  const signature = createHmac('sha256', Buffer.from(key.value, 'base64'))
    .update(textToSign)
    .digest('base64')
  const fields = {
    sv: sasVersion,
    spr: 'https',
    st: from,
    se: to,
    skoid: key.objectId,
    sktid: key.tenantId,
    skt: key.startsAt,
    ske: key.expiresAt,
    sks: key.service,
    skv: key.version,
    sr: 'b',
    sp: 'r',
    sig: signature,
  }
  return Object.entries(fields)
    .map(([field, value]) => `${field}=${encodeURIComponent(value)}`)
    .join('&')
}

// Behind an emulator or a gateway the account is a path; else it is the first label of the host.
function accountOf({ origin, pathPrefix }: ContainerAddress): string {
  return pathPrefix.slice(1) || (origin.hostname.split('.')[0] ?? '')
}

const fields = {
  SignedOid: 'objectId',
  SignedTid: 'tenantId',
  SignedStart: 'startsAt',
  SignedExpiry: 'expiresAt',
  SignedService: 'service',
  SignedVersion: 'version',
  Value: 'value',
} as const
const fieldNames = Object.values(fields)
const document = element(-1, {
  UserDelegationKey: element(
    -1,
    Object.fromEntries(Object.keys(fields).map((name, id) => [name, element(id)])),
  ),
})

async function fetchKey(
  deps: CallDeps,
  address: ContainerAddress,
  start: string,
  expiry: string,
): Promise<DelegationKey> {
  const doing = 'get a key for links'
  const keyInfo = `<KeyInfo><Start>${start}</Start><Expiry>${expiry}</Expiry></KeyInfo>`
  const body = Buffer.from(`<?xml version="1.0" encoding="utf-8"?>${keyInfo}`)
  const answer = await callStorage(deps, address, {
    doing,
    request: () => ({
      method: 'POST',
      path: `${address.pathPrefix}/?restype=service&comp=userdelegationkey`,
      headers: { 'content-type': 'application/xml' },
      body,
    }),
  })
  const key = Object.fromEntries(fieldNames.map((field) => [field, ''])) as DelegationKey
  try {
    scanXml(answer.body, document, (id, text) => {
      const field = fieldNames[id]
      if (field) key[field] = textOf(answer.body, text)
    })
    if (fieldNames.some((field) => key[field] === '')) throw new XmlError('a field is missing')
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
    const what = `Could not ${doing}: storage answered with something other than a key`
    throw new Fault('azure_storage_refused', `${what} (${error.message}).`)
  }
  return key
}

function isRoleMissing(error: unknown): error is Fault {
  return error instanceof Fault && error.code === 'azure_storage_role_missing'
}

function needsDelegator({ code, message, details }: Fault): Fault {
  return new Fault(code, message, {
    hint: 'Keys for links are given by the account: assign Storage Blob Delegator on the account (a role on the container is not enough); a new assignment takes up to ten minutes.',
    details,
  })
}

function toTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}
