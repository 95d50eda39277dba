// Where the identity of a step comes from: one ordered chain. The first source that is configured is the
// one; if it fails, the step fails, and no other is tried (DESIGN §5.9). Nothing is read or called here.
import { Secret } from '../core/secret.ts'
import type { Environment } from './settings.ts'

/** An application, or a user-assigned managed identity, in its tenant. */
export type Application = { tenantId: string; clientId: string }

/** Where a managed identity is asked for. */
export type ManagedEndpoint = { by: 'IMDS' | 'Azure Arc'; url: string }

/** One source, with what it takes. */
export type Credential =
  | { source: 'request token'; token: Secret }
  | { source: 'Harness ID token'; idToken: Secret; who: Application }
  | { source: 'token file'; path: string; who: Application; authorityHost?: string }
  | { source: 'managed identity'; endpoint: ManagedEndpoint; clientId?: string }
  | { source: 'Azure CLI'; env: Environment; tenantId?: string }

/** What the settings and the door say beside the environment. */
export type CredentialQuestion = {
  env: Environment
  /** The setting `identity`. */
  identity?: string
  tenantId?: string
  clientId?: string
  /** Somebody sits at a terminal, and this is no step of a build. */
  isPerson: boolean
  /** How names of settings are written where they were given. */
  show: (name: string) => string
}

/** A source as it was found. */
export type SeenSource = {
  source: Credential['source']
  state: 'used' | 'passed over' | 'absent'
  /** Why it is used, or not. */
  why: string
}

/** The source to use, or why the one to use cannot be, and all of them in order. */
export type Choice = {
  credential?: Credential
  /** What is wrong with the settings of the source in use. */
  problem?: string
  /** The request token was to be there, and is empty; or no source is configured at all. */
  isEmpty: boolean
  sources: readonly SeenSource[]
}

type Found = { credential?: Credential; problem?: string; isEmpty?: true; why: string }

type Source = {
  source: Credential['source']
  find: (question: CredentialQuestion) => Found | undefined
  /** What would configure it. */
  wants: string
}

const imds = 'http://169.254.169.254'

const chain: readonly Source[] = [
  {
    source: 'request token',
    find: findRequestToken,
    wants: 'neither `token` nor AZURE_STORAGE_DRONE_TOKEN is given',
  },
  {
    source: 'Harness ID token',
    find: findHarness,
    wants: 'PLUGIN_OIDC_TOKEN_ID is not set',
  },
  {
    source: 'token file',
    find: findTokenFile,
    wants: 'AZURE_FEDERATED_TOKEN_FILE is not set',
  },
  {
    source: 'managed identity',
    find: findManaged,
    wants: 'off unless `identity: managed` asks for it',
  },
  {
    source: 'Azure CLI',
    find: findCli,
    wants: 'only for commands that a person types at a terminal',
  },
]

/** Goes through the chain; pure. */
export function chooseCredential(question: CredentialQuestion): Choice {
  let first: Found | undefined
  let firstSource = ''
  const sources: SeenSource[] = []
  for (const { source, find, wants } of chain) {
    const found = find(question)
    if (!found) sources.push({ source, state: 'absent', why: wants })
    else if (first) {
      const why = `${found.why}, and the ${firstSource} comes before it`
      sources.push({ source, state: 'passed over', why })
    } else {
      first = found
      firstSource = source
      sources.push({ source, state: 'used', why: found.why })
    }
  }
  const { credential, problem, isEmpty = first === undefined } = first ?? {}
  return { isEmpty, sources, ...(credential && { credential }), ...(problem && { problem }) }
}

/** Whether Entra is asked by this program itself. */
export function isExchanged({ source }: Credential): boolean {
  return source === 'request token' || source === 'Harness ID token' || source === 'token file'
}

// An empty one is configured too: Drone gives an empty text when it could not get the secret, and
// another identity must not step in for it.
function findRequestToken({ env }: CredentialQuestion): Found | undefined {
  const { PLUGIN_TOKEN: setting, AZURE_STORAGE_DRONE_TOKEN: variable } = env
  if (setting === undefined && variable === undefined) return undefined
  const token = (setting || variable || '').trim()
  const why = setting ? '`token` is given' : 'AZURE_STORAGE_DRONE_TOKEN is set'
  if (token === '') return { isEmpty: true, why: `${why}, and empty` }
  return { credential: { source: 'request token', token: new Secret(token) }, why }
}

function findHarness(question: CredentialQuestion): Found | undefined {
  const given = question.env['PLUGIN_OIDC_TOKEN_ID']
  if (given === undefined) return undefined
  const why = 'PLUGIN_OIDC_TOKEN_ID is set'
  const { show } = question
  const idToken = given.trim()
  if (idToken === '') return { problem: `${show('oidc_token_id')} is empty`, why }
  const { tenantId, clientId } = question
  if (tenantId === undefined || clientId === undefined) {
    const problem = `an ID token of Harness takes ${show('tenant_id')} and ${show('client_id')}: nobody else says whom it is for`
    return { problem, why }
  }
  return (
    refuseIdentity(question, 'an ID token of Harness', why) ?? {
      credential: {
        source: 'Harness ID token',
        idToken: new Secret(idToken),
        who: { tenantId, clientId },
      },
      why,
    }
  )
}

function findTokenFile(question: CredentialQuestion): Found | undefined {
  const { env, show } = question
  const path = env['AZURE_FEDERATED_TOKEN_FILE']
  if (!path) return undefined
  const why = 'AZURE_FEDERATED_TOKEN_FILE is set'
  const tenantId = question.tenantId ?? env['AZURE_TENANT_ID']
  const clientId = question.clientId ?? env['AZURE_CLIENT_ID']
  if (!tenantId || !clientId) {
    const problem = `AZURE_FEDERATED_TOKEN_FILE takes AZURE_TENANT_ID and AZURE_CLIENT_ID beside it, or ${show('tenant_id')} and ${show('client_id')}`
    return { problem, why }
  }
  const authorityHost = env['AZURE_AUTHORITY_HOST']
  return (
    refuseIdentity(question, 'AZURE_FEDERATED_TOKEN_FILE', why) ?? {
      credential: {
        source: 'token file',
        path,
        who: { tenantId, clientId },
        ...(authorityHost && { authorityHost }),
      },
      why,
    }
  )
}

// A name to expect is the policy's, and only the trust service tells it.
function refuseIdentity(
  { identity, show }: CredentialQuestion,
  from: string,
  why: string,
): Found | undefined {
  if (identity === undefined) return undefined
  const problem = `${show('identity')} is “${identity}”, and the identity comes from ${from}: leave out one of the two`
  return { problem, why }
}

function findManaged({
  env,
  identity,
  tenantId,
  clientId,
  show,
}: CredentialQuestion): Found | undefined {
  if (identity !== 'managed') return undefined
  const endpoint = readEndpoint(env)
  const why = `${show('identity')} is “managed”; it is asked for at ${endpoint.by}`
  if (tenantId !== undefined) {
    const problem = `${show('tenant_id')} means nothing for a managed identity: it has one tenant`
    return { problem, why }
  }
  if (endpoint.by === 'Azure Arc' && clientId !== undefined) {
    const problem = `${show('client_id')} means nothing with Azure Arc: a machine there has one identity of its own`
    return { problem, why }
  }
  return {
    credential: {
      source: 'managed identity',
      endpoint,
      ...(clientId !== undefined && { clientId }),
    },
    why,
  }
}

// The variables are those of the Azure Arc agent and of Microsoft’s SDKs.
function readEndpoint(env: Environment): ManagedEndpoint {
  const { IDENTITY_ENDPOINT: arc, IMDS_ENDPOINT: arcHost } = env
  if (arc && arcHost) return { by: 'Azure Arc', url: arc }
  const host = env['AZURE_POD_IDENTITY_AUTHORITY_HOST'] || imds
  return { by: 'IMDS', url: `${host.replace(/\/+$/, '')}/metadata/identity/oauth2/token` }
}

function findCli({ env, isPerson, identity, tenantId }: CredentialQuestion): Found | undefined {
  if (!isPerson || identity !== undefined) return undefined
  return {
    credential: { source: 'Azure CLI', env, ...(tenantId !== undefined && { tenantId }) },
    why: 'a person is at a terminal: whoever is signed in with `az login`',
  }
}
