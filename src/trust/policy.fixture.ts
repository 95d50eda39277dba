// A policy whose trust is in order, for tests that change one thing of it.
import { parsePolicy } from '../policy/schema.ts'
import { toDesired, type DesiredState } from './desired.ts'

/** The client id of the identity `artifacts`. */
export const artifacts = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'

/** The client id of the identity `readers`. */
export const readers = 'aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff'

/** The tenant of every identity. */
export const tenantId = '11111111-2222-4333-8444-555555555555'

/** The issuer URL of the service. */
export const issuerUrl = 'https://ci.example/oidc'

/** The service configuration, as far as trust reads it. */
export const configExample = `issuer_url: ${issuerUrl}\ninstances: { main: {}, other: {} }\n`

/** Two entries, two applications, one account; nothing to find. */
export const trustExample = `version: 1
accounts:
  acmeart: { subscription: 99999999-0000-4000-8000-000000000001, resource_group: rg-storage }
  acmegov: { subscription: 99999999-0000-4000-8000-000000000002, resource_group: rg-gov, cloud: usgov }
identities:
  artifacts: { tenant_id: ${tenantId}, client_id: aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee }
  readers: { tenant_id: ${tenantId}, client_id: aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff }
policies:
  - name: publish
    subjects:
      - { instance: main, repository: octo/hello, repository_id: "42", events: [push], refs: [refs/heads/main, refs/heads/next] }
    identity: artifacts
    audiences: [api://AzureADTokenExchange]
    grants:
      - { id: out, account: acmeart, service: blob, container: builds, prefix: hello/, verbs: [blob.read, blob.list, blob.write, blob.delete] }
  - name: look
    subject: policy
    subjects:
      - { instance: main, repository: octo/hello, repository_id: "42", events: [pull_request], refs: [refs/**] }
    identity: readers
    audiences: [api://AzureADTokenExchange]
    grants:
      - { id: in, account: acmeart, service: blob, container: builds, verbs: [blob.read, blob.list] }
`

/** The example with texts of it replaced, one after the other; throws when one is not in it. */
export function withChanges(...changes: readonly [from: string, to: string][]): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new RangeError(`the example has no ${from}`)
    return text.replace(from, () => to)
  }, trustExample)
}

/** What has to be in Azure by the example with these changes. */
export function desiredOf(...changes: readonly [from: string, to: string][]): DesiredState {
  return toDesired({ policy: parsePolicy(withChanges(...changes)), issuerUrl }).desired
}
