// Assertions that are simply there: the ID token Harness hands to a step, and the file that AKS and
// other workload identity webhooks keep fresh, which is why it is read again for every exchange.
import { readFile } from 'node:fs/promises'

import { parseRecord } from '../../azure/assertion.ts'
import { Fault, messageOf } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import type { Clock } from '../../core/time.ts'
import type { Credential } from '../credential.ts'
import type { Assertion } from '../identity.ts'

/** The assertion as it is now; throws `plugin_assertion_*` when there is none that can be used. */
export async function readGivenAssertion(
  { now }: { now: Clock },
  credential: Credential,
): Promise<Assertion> {
  if (credential.source === 'Harness ID token') {
    const { idToken: value, who, source } = credential
    checkUsable(value, now(), 'The ID token of Harness', {
      hint: 'Harness gives a step one ID token of minutes: make the step shorter, so that its storage token outlives it, or begin it sooner.',
    })
    return { value, who, name: source }
  }
  if (credential.source !== 'token file') throw new TypeError(`${credential.source} has none`)
  const { path, who, source } = credential
  const value = new Secret((await readToken(path)).trim())
  checkUsable(value, now(), `The token in ${path} (AZURE_FEDERATED_TOKEN_FILE)`)
  return { value, who, name: source }
}

async function readToken(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new Fault(
      'plugin_assertion_absent',
      `AZURE_FEDERATED_TOKEN_FILE cannot be read: ${messageOf(error)}.`,
      { cause: error },
    )
  }
}

function checkUsable(value: Secret, now: Date, what: string, more: { hint?: string } = {}): void {
  const parts = value.reveal().split('.')
  const claims = parseRecord(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'))
  if (parts.length !== 3 || !/^[\w.-]+$/.test(value.reveal()) || claims['iss'] === undefined) {
    throw new Fault('plugin_assertion_malformed', `${what} is no ID token (JWT).`)
  }
  const expiresAtMs = Number(claims['exp']) * 1000
  if (expiresAtMs > now.getTime()) return
  const until = Number.isFinite(expiresAtMs) ? new Date(expiresAtMs).toISOString() : 'no time'
  throw new Fault('plugin_assertion_expired', `${what} was valid until ${until}.`, more)
}
