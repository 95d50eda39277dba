// From a request token to what a command is given: the first ID tokens, whom they are for, the variables,
// and the way to get more of them. Nothing is written here.
import { parseRecord } from '../azure/assertion.ts'
import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { type IdToken, requestIdToken } from '../plugin/id-token.ts'
import { chooseIdentity, type IdentityDeps, sendToService } from '../plugin/identity.ts'
import { parseRequestToken } from '../plugin/request-token.ts'
import type { Written } from './keep-fresh.ts'
import type { ExecRequest } from './read-request.ts'
import {
  type Handoff,
  type Known,
  listOtherFiles,
  listTokenFiles,
  listVariables,
  type OtherFile,
} from './tool.ts'

/** All that a command is given, but for where the files are. */
export type Prepared = {
  tokens: readonly Written[]
  /** The other files and the variables, once there is a folder. */
  place: (folder: string) => { files: OtherFile[]; variables: Record<string, string> }
  /** A new ID token for one of the audiences. */
  ask: (audience: string) => Promise<Secret>
  /** Tools that will ask the service themselves, and do not trust its certificate. */
  isPrivate: boolean
}

/** Asks for one ID token for each audience; throws what the trust service or the settings refuse with. */
export async function prepareHandoff(
  deps: Omit<IdentityDeps, 'log' | 'newId'>,
  request: ExecRequest,
  bearer: Secret,
): Promise<Prepared> {
  const token = parseRequestToken(bearer)
  const isPrivate = token.pin !== undefined || request.caFile !== undefined
  const handoff: Handoff = { ...request, isPrivate }
  const askDeps = { ...deps, send: sendToService(deps, token) }
  const askWhole = (audience: string) => requestIdToken(askDeps, token, audience)
  const tokens: Written[] = []
  let first: IdToken | undefined
  for (const file of listTokenFiles(handoff)) {
    const given = await askWhole(file.audience)
    first ??= given
    tokens.push({ ...file, token: given.value })
  }
  const base = token.serviceUrl.href.replace(/\/+$/, '')
  const known: Omit<Known, 'folder'> = {
    requestUrl: `${base}/v1/id-token?v=1`,
    bearer: bearer.reveal(),
    who: readWho(handoff, request, first),
    build: readBuild(first),
  }
  return {
    tokens,
    place: (folder) => ({
      files: listOtherFiles(handoff, { ...known, folder }),
      variables: listVariables(handoff, { ...known, folder }),
    }),
    ask: async (audience) => (await askWhole(audience)).value,
    isPrivate,
  }
}

// Only tools for Azure are told who they are.
function readWho(
  { tools }: Handoff,
  { identity, override }: ExecRequest,
  first: IdToken | undefined,
): Known['who'] {
  const expects = identity !== undefined
  if (!first) {
    if (!expects) return { tenantId: '', clientId: '' }
    throw new Fault('cli_usage', 'exec: --identity means nothing where no token is asked for.')
  }
  const isForAzure = tools.includes('azure') || tools.includes('terraform')
  if (!isForAzure && !expects) return { tenantId: '', clientId: '' }
  return chooseIdentity({ ...(expects && { identity }), ...(override && { override }) }, first)
}

function readBuild(first: IdToken | undefined): Known['build'] {
  const payload = first?.value.reveal().split('.')[1] ?? ''
  const claims = parseRecord(Buffer.from(payload, 'base64url').toString('utf8'))
  const text = (name: string) => {
    const value = claims[name]
    return typeof value === 'string' ? value : '0'
  }
  return { repositoryId: text('repository_id'), number: text('run_number') }
}
