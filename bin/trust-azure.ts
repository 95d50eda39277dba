// Signs a person or a pipeline in to Azure and opens Graph and ARM for `trust`. The identity library is
// large, and is loaded only here, once somebody really asks Azure.
import { setTimeout as wait } from 'node:timers/promises'

import type { TokenCredential } from '@azure/identity'

import { clouds, type CloudName } from '../src/azure/clouds.ts'
import { Fault, messageOf } from '../src/core/fault.ts'
import { Secret } from '../src/core/secret.ts'
import type { ControlDeps } from '../src/trust/control.ts'
import { controlEndpoints } from '../src/trust/endpoints.ts'
import { openTrustHttp, readCaFile } from './trust-http.ts'

/** Ways to sign in, by the names people write. */
export const signInWays = [
  'default',
  'cli',
  'device-code',
  'environment',
  'managed-identity',
  'workload-identity',
] as const

/** One way to sign in. */
export type SignInWay = (typeof signInWays)[number]

/** Where to sign in, as whom, and where Graph and ARM are if not where the cloud has them. */
export type AzureOptions = {
  tenantId: string
  cloud: CloudName
  signIn: SignInWay
  caFile?: string | undefined
  graphUrl?: string | undefined
  armUrl?: string | undefined
  /** Tells the person what to do, such as the code of a device sign-in. */
  say: (text: string) => void
}

/** Graph and ARM with tokens; close it when done. */
export type OpenAzure = { deps: ControlDeps; close: () => void }

/** Opens Graph and ARM; nobody is signed in before the first call. */
export function openAzure(options: AzureOptions): OpenAzure {
  const { cloud, caFile } = options
  const { graph, arm } = controlEndpoints[cloud]
  const ca = readCaFile(caFile)
  const http = openTrustHttp(ca)
  const tokens = openTokens(options)
  const tokenFor = (scope: string) => () => tokens(`${scope}/.default`)
  const deps: ControlDeps = {
    send: http.send,
    graph: {
      name: 'Microsoft Graph',
      origin: toOrigin('--graph-url', options.graphUrl ?? graph),
      token: tokenFor(graph),
    },
    arm: {
      name: 'Azure Resource Manager',
      origin: toOrigin('--arm-url', options.armUrl ?? arm),
      token: tokenFor(arm),
    },
    retry: {
      sleep: async (milliseconds, signal) => {
        await wait(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined)
      },
      random: Math.random,
    },
    now: () => new Date(),
  }
  return { deps, close: () => http.close() }
}

/** Tokens for any scope, of whoever signs in; nobody does before the first is asked for. */
export function openTokens(options: AzureOptions): (scope: string) => Promise<Secret> {
  let credential: Promise<TokenCredential> | undefined
  return (scope) => {
    credential ??= signIn(options, readCaFile(options.caFile))
    return fetchToken(credential, scope, options)
  }
}

// Tokens go there, so nowhere without TLS.
function toOrigin(option: string, text: string): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'https:' && url.pathname === '/' && url.search === '') return url
  throw new Fault('cli_usage', `trust: ${option} is of the form https://host[:port].`)
}

// The library keeps tokens and renews them by itself; a credential that lacks something says so when it is made.
async function fetchToken(
  credential: Promise<TokenCredential>,
  scope: string,
  { tenantId }: AzureOptions,
): Promise<Secret> {
  try {
    const found = await (await credential).getToken(scope, { tenantId })
    if (found) return new Secret(found.token)
  } catch (cause) {
    const why = messageOf(cause).split(/\r?\n/, 3).join(' ')
    throw new Fault(
      'trust_sign_in',
      `Nobody could be signed in to the tenant ${tenantId}: ${why}`,
      {
        cause,
      },
    )
  }
  throw new Fault('trust_sign_in', `Signing in to the tenant ${tenantId} gave no token.`)
}

async function signIn(
  { tenantId, cloud, signIn: way, say }: AzureOptions,
  ca: string | undefined,
): Promise<TokenCredential> {
  const identity = await import('@azure/identity')
  const { AZURE_AUTHORITY_HOST, AZURE_CLIENT_ID: clientId } = process.env
  const authorityHost = AZURE_AUTHORITY_HOST ?? clouds[cloud].authorityHost
  const isMicrosofts = Object.values(clouds).some(
    (each) => URL.parse(authorityHost)?.origin === each.authorityHost,
  )
  const options = {
    tenantId,
    authorityHost,
    // Another authority is none that Microsoft's directory of them knows.
    disableInstanceDiscovery: !isMicrosofts,
    ...(ca !== undefined && { tlsOptions: { ca } }),
  }
  switch (way) {
    case 'cli':
      return new identity.AzureCliCredential({ tenantId })
    case 'device-code':
      return new identity.DeviceCodeCredential({
        ...options,
        userPromptCallback: ({ message }) => say(`${message}\n`),
      })
    case 'environment':
      return new identity.EnvironmentCredential(options)
    case 'managed-identity':
      return new identity.ManagedIdentityCredential(clientId === undefined ? {} : { clientId })
    case 'workload-identity':
      return new identity.WorkloadIdentityCredential(options)
    default:
      return new identity.DefaultAzureCredential(options)
  }
}
