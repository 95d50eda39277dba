// The lab's Key Vault: keys by the documented REST interface, behind the challenge that real vaults begin
// with, with role assignments, throttling and outages on command. It really signs (Key Vault REST, "Keys").
import type { Clock } from '../core/time.ts'
import type { LabAuthority } from './authority.ts'
import {
  type ControlAnswer,
  type ControlCall,
  ControlRefusal,
  readObject,
  startControlServer,
} from './control/server.ts'
import { BearerError, verifyBearer } from './entra-bearer.ts'
import type { LabEntra } from './entra.ts'
import {
  createVersion,
  findVersion,
  signWith,
  updateVersion,
  type VaultKeys,
  type VaultVersion,
} from './key-vault-keys.ts'

/** The resource of access tokens for Key Vault. */
export const vaultAudience = 'https://vault.azure.net'

/** What one may do with keys, as roles say it (`Microsoft.KeyVault/vaults/keys/…`). */
export type VaultAction = 'create/action' | 'read' | 'update/action' | 'sign/action'

/** What the next calls get instead of an answer, once their caller is proven. */
export type VaultFailure = {
  count: number
  status: number
  code: string
  retryAfterSeconds?: number
  action?: VaultAction
}

/** A row of the vault's log (AuditEvent): a call is in it before it is answered. */
export type VaultCall = { action: VaultAction; key: string; version: string; objectId: string }

/** A running vault. */
export type LabKeyVault = {
  url: string
  /** Gives a principal actions on all keys; without any, it may do nothing. */
  allow: (objectId: string, actions: readonly VaultAction[]) => void
  failNext: (failure: VaultFailure) => void
  /** What every call waits for after its caller is proven: a latency, or a gate. */
  settings: { before: (call: VaultCall) => Promise<void> | void }
  /** Every proven call, oldest first. */
  calls: readonly VaultCall[]
  versions: readonly VaultVersion[]
  /** As `az keyvault key delete` does. */
  deleteKey: (name: string) => void
  close: () => Promise<void>
}

type VaultDeps = { authority: LabAuthority; entra: LabEntra; now: Clock }

type VaultState = Pick<LabKeyVault, 'settings'> & {
  keys: VaultKeys
  allowed: Map<string, readonly VaultAction[]>
  failures: VaultFailure[]
  calls: VaultCall[]
}

const pageSize = 25

/** Starts a vault in Entra's own tenant, where nobody may do anything yet; close it when done. */
export async function startKeyVault(deps: VaultDeps): Promise<LabKeyVault> {
  const state: VaultState = {
    keys: { versions: [] },
    allowed: new Map(),
    failures: [],
    calls: [],
    settings: { before: () => undefined },
  }
  deps.entra.addResource(vaultAudience, vaultAudience)
  const server = await startControlServer(deps, {
    handle: (call) => handle(deps, state, call),
    describeRefusal,
    requestIdHeader: 'x-ms-request-id',
  })
  return {
    url: server.url,
    allow: (objectId, actions) => void state.allowed.set(objectId, actions),
    failNext: (failure) => void state.failures.push({ ...failure }),
    settings: state.settings,
    calls: state.calls,
    versions: state.keys.versions,
    deleteKey(name) {
      const rest = state.keys.versions.filter((each) => each.name !== name)
      state.keys.versions.splice(0, Infinity, ...rest)
    },
    close: () => server.close(),
  }
}

async function handle(
  deps: VaultDeps,
  state: VaultState,
  call: ControlCall,
): Promise<ControlAnswer> {
  const objectId = await proveCaller(deps, call)
  if (!/^(7\.\d|20\d\d-\d\d-\d\d)(-preview(\.\d)?)?$/.test(call.query.get('api-version') ?? '')) {
    throw new ControlRefusal(400, 'BadParameter', 'The api-version query parameter is invalid.')
  }
  const { route, request } = findRoute(call)
  const { name: key, version } = request
  const row = { action: route.action, key, version, objectId }
  state.calls.push(row)
  await state.settings.before(row)
  failOnCommand(state, row)
  if (!state.allowed.get(objectId)?.includes(row.action)) throw refuseByRole(row)
  return route.answer(state.keys, deps.now(), request)
}

async function proveCaller(deps: VaultDeps, { headers }: ControlCall): Promise<string> {
  const { entra, now } = deps
  try {
    const audience = vaultAudience
    const caller = await verifyBearer({ now, entra, audience }, headers.authorization)
    return caller.objectId
  } catch (error) {
    if (!(error instanceof BearerError)) throw error
    const challenge = `Bearer authorization="${entra.url}/${entra.tenantId}", resource="${vaultAudience}"`
    const detail = error.problem === 'missing' ? '' : `, error="invalid_token"`
    throw new ControlRefusal(401, 'Unauthorized', `AKV10000: ${error.message}`, {
      'www-authenticate': challenge + detail,
    })
  }
}

type Route = {
  method: string
  path: RegExp
  action: VaultAction
  answer: (keys: VaultKeys, at: Date, call: VaultRequest) => Promise<ControlAnswer> | ControlAnswer
}

type VaultRequest = { control: ControlCall; name: string; version: string }

const bundle = ({ origin }: ControlCall, version: VaultVersion): ControlAnswer => ({
  status: 200,
  body: toBundle(origin, version),
})

// A part of a path is a name, then a version; what is not there is the newest.
const routes: readonly Route[] = [
  {
    method: 'POST',
    path: /^\/keys\/([^/]+)\/create$/,
    action: 'create/action',
    answer: async (keys, at, { control, name }) =>
      bundle(control, await createVersion(keys, name, readObject(control), at)),
  },
  {
    method: 'GET',
    path: /^\/keys\/([^/]+)\/versions$/,
    action: 'read',
    answer: (keys, _, { control, name }) => ({
      status: 200,
      body: listVersions(keys, name, control),
    }),
  },
  {
    method: 'GET',
    path: /^\/keys\/([^/]+)(?:\/([^/]*))?$/,
    action: 'read',
    answer: (keys, _, { control, name, version }) =>
      bundle(control, findVersion(keys, name, version)),
  },
  {
    method: 'PATCH',
    path: /^\/keys\/([^/]+)(?:\/([^/]*))?$/,
    action: 'update/action',
    answer(keys, at, { control, name, version }) {
      const found = findVersion(keys, name, version)
      updateVersion(found, readObject(control), at)
      return bundle(control, found)
    },
  },
  {
    method: 'POST',
    path: /^\/keys\/([^/]+)\/([^/]*)\/sign$/,
    action: 'sign/action',
    answer(keys, _, { control, name, version }) {
      const found = findVersion(keys, name, version)
      const value = signWith(found, readObject(control)).toString('base64url')
      return { status: 200, body: { kid: idOf(control.origin, found), value } }
    },
  },
]

function findRoute(control: ControlCall): { route: Route; request: VaultRequest } {
  for (const route of routes) {
    const match = route.method === control.method ? route.path.exec(control.path) : undefined
    if (match) {
      const [, name = '', version = ''] = match
      return { route, request: { control, name, version } }
    }
  }
  const message = `The lab's Key Vault has no ${control.method} ${control.path}.`
  throw new ControlRefusal(404, 'NotFound', message)
}

function listVersions(keys: VaultKeys, name: string, { origin, query }: ControlCall): unknown {
  findVersion(keys, name, '')
  const all = keys.versions.filter((each) => each.name === name)
  const from = Number(query.get('$skiptoken') ?? 0)
  const until = from + Math.min(pageSize, Number(query.get('maxresults') ?? pageSize))
  const next = `${origin}/keys/${name}/versions?api-version=${query.get('api-version')}&$skiptoken=${until}`
  return {
    value: all.slice(from, until).map((each) => {
      const { attributes, tags } = toBundle(origin, each)
      return { kid: idOf(origin, each), attributes, tags }
    }),
    nextLink: until < all.length ? next : null,
  }
}

function toBundle(origin: string, version: VaultVersion) {
  const { kty, n, e } = version.publicKey
  return {
    key: { kid: idOf(origin, version), kty, key_ops: ['sign', 'verify'], n, e },
    attributes: {
      enabled: version.enabled,
      created: Math.floor(version.createdAt.getTime() / 1000),
      updated: Math.floor(version.updatedAt.getTime() / 1000),
      recoveryLevel: 'Recoverable',
      recoverableDays: 90,
    },
    tags: version.tags,
  }
}

function idOf(origin: string, { name, version }: VaultVersion): string {
  return `${origin}/keys/${name}/${version}`
}

function failOnCommand({ failures }: VaultState, row: VaultCall): void {
  const failure = failures.find(
    ({ count, action = row.action }) => count > 0 && action === row.action,
  )
  if (!failure) return
  failure.count -= 1
  const { status, code, retryAfterSeconds } = failure
  throw new ControlRefusal(status, code, `The lab was told to answer ${code}.`, {
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  })
}

function refuseByRole({ action, objectId, key }: VaultCall): ControlRefusal {
  const message = [
    'Caller is not authorized to perform action on resource.',
    'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.',
    `Caller: oid=${objectId}`,
    `Action: 'Microsoft.KeyVault/vaults/keys/${action}'`,
    `Resource: 'keys/${key}'`,
    'Assignment: (not found)',
  ].join('\r\n')
  return new ControlRefusal(403, 'Forbidden/ForbiddenByRbac', message)
}

// The code behind a slash is the one inside, which says more.
function describeRefusal({ code, message }: ControlRefusal): unknown {
  const [outer, inner] = code.split('/')
  return {
    error: { code: outer, message, ...(inner !== undefined && { innererror: { code: inner } }) },
  }
}
