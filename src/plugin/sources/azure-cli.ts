// The sign-in of a person at a laptop: `az account get-access-token` (Azure CLI reference). Never asked
// in a step of a build.
import { execFile } from 'node:child_process'

import { parseRecord } from '../../azure/assertion.ts'
import { storageScope } from '../../azure/clouds.ts'
import { toPlainLine } from '../../azure/plain-line.ts'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import type { Clock } from '../../core/time.ts'
import type { Credential } from '../credential.ts'
import type { GivenAccess } from '../identity.ts'

type SignedIn = Extract<Credential, { source: 'Azure CLI' }>

type Ran = { stdout: string; stderr: string; error: { code?: unknown } | undefined }

// `az` is a large program, and may have to ask Entra.
const patienceMs = 60_000

/** A storage token of whoever is signed in; throws `plugin_azure_cli_*`. */
export async function askAzureCli(
  { now, signal }: { now: Clock; signal?: AbortSignal },
  { env, tenantId }: SignedIn,
): Promise<GivenAccess> {
  const resource = storageScope.slice(0, -'.default'.length)
  const words = ['account', 'get-access-token', '--output', 'json', '--resource', resource]
  if (tenantId !== undefined) words.push('--tenant', tenantId)
  const { stdout, stderr, error } = await runAz(words, env, signal)
  if (error?.code === 'ENOENT') {
    throw new Fault(
      'plugin_azure_cli_absent',
      'No request token is given, and `az` of Azure CLI is not installed: there is nobody to be.',
    )
  }
  const { accessToken, expires_on: seconds, expiresOn, tenant } = parseRecord(stdout)
  if (error || typeof accessToken !== 'string' || accessToken === '') {
    throw new Fault(
      'plugin_azure_cli_refused',
      `Azure CLI gave no token: ${toPlainLine(stderr.replace(/^ERROR: /, '')) || 'it ended without a word'}.`,
    )
  }
  // Old versions tell the local time only.
  const expiresAt = new Date(typeof seconds === 'number' ? seconds * 1000 : String(expiresOn))
  if (!(expiresAt > now())) {
    throw new Fault('plugin_azure_cli_refused', 'Azure CLI gave a token that has expired.')
  }
  return {
    token: new Secret(accessToken),
    expiresAt,
    correlationId: '',
    says: `whoever is signed in with Azure CLI (tenant ${toPlainLine(String(tenant), 64)})`,
  }
}

async function runAz(
  words: readonly string[],
  env: SignedIn['env'],
  signal?: AbortSignal,
): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>()
  const options = { env: { ...env }, timeout: patienceMs, ...(signal && { signal }) }
  execFile('az', words, options, (error, stdout, stderr) => {
    resolve({ stdout, stderr, error: error ?? undefined })
  })
  return promise
}
