// For each code of `trust review` one thing that is wrong in a tenant which is otherwise in order.
import assert from 'node:assert/strict'

import type { ReviewCode } from '../../src/trust/review-rules.ts'
import { appOf, exchanges, hello, put, type Bench } from './trust-review-bench.fixture.ts'
import { dayMs } from './trust-review-door.fixture.ts'

function account(bench: Bench) {
  const [first] = bench.lab.azure.arm.state.accounts
  assert.ok(first)
  return first
}

/** What makes a finding, and what undoes it; `says` is in its message. */
export type Scenario = { code: ReviewCode; says: RegExp; doIt: (bench: Bench) => () => void }

function seed(bench: Bench, roleName: string, scope: string): () => void {
  const { state } = bench.lab.azure.arm
  const guid = bench.lab.azure.arm.seedAssignment({
    principalId: appOf(bench, 'publisher').objectId,
    roleName,
    scope,
  })
  return () => {
    state.assignments = state.assignments.filter((each) => each.guid !== guid)
  }
}

function add(
  bench: Bench,
  name: string,
  more: { subject?: string; expression?: string },
): () => void {
  const app = appOf(bench, 'publisher')
  app.addCredential({
    name,
    issuer: 'https://token.actions.githubusercontent.com',
    subject: '',
    audience: 'api://AzureADTokenExchange',
    ...more,
  })
  return () => app.removeCredential(name)
}

/** Puts a secret or certificate on the application of `publisher`. */
export function addSecret(bench: Bench, kind: 'password' | 'certificate'): () => void {
  const app = appOf(bench, 'publisher')
  const [startsAt, endsAt] = [new Date(0), new Date('2100-01-01')]
  const keyId = 'aaaaaaaa-0000-4000-8000-000000000001'
  app.secrets.push({ keyId, kind, displayName: 'old *one*', value: 'x', startsAt, endsAt })
  return () => void app.secrets.pop()
}

function edit({ lab, applied }: Bench, from: string | RegExp, to: string): () => void {
  const text = applied.replace(from, to)
  assert.notEqual(text, applied)
  lab.writePolicy(text)
  return () => lab.writePolicy(applied)
}

const lookEntry = /  - name: look[^]*$/

/** One scenario for each code. */
export const scenarios: Scenario[] = [
  {
    code: 'review_identity_missing',
    says: /reader.*is not in this tenant/,
    doIt: (bench) =>
      edit(bench, appOf(bench, 'reader').clientId, 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'),
  },
  {
    code: 'review_principal_disabled',
    says: /reader" is disabled/,
    doIt: (bench) => put(appOf(bench, 'reader'), 'enabled', false),
  },
  {
    code: 'review_credential_unknown',
    says: /"by-hand" of the identity "publisher" trusts repo:mallory/,
    doIt: (bench) => add(bench, 'by-hand', { subject: 'repo:mallory/x:ref:refs/heads/main' }),
  },
  {
    code: 'review_credential_flexible',
    says: /"flexible".*matches its expression/,
    doIt: (bench) => add(bench, 'flexible', { expression: "claims['sub'] matches 'repo:octo/*'" }),
  },
  {
    code: 'review_credential_missing',
    says: /refs\/heads\/new/,
    doIt: (bench) => edit(bench, '[refs/heads/main]', '[refs/heads/main, refs/heads/new]'),
  },
  {
    code: 'review_credential_dangling',
    says: /refs\/heads\/main/,
    doIt: (bench) => edit(bench, '[refs/heads/main]', '[refs/heads/trunk]'),
  },
  {
    code: 'review_credential_changed',
    says: /audience: other -> api/,
    doIt: (bench) => {
      const app = appOf(bench, 'publisher')
      const [first] = app.credentials
      assert.ok(first)
      const { id: _, ...kept } = first
      app.replaceCredential(first.name, { ...kept, audience: 'other' })
      return () => app.replaceCredential(first.name, kept)
    },
  },
  {
    code: 'review_credential_unused',
    says: /was not used in 90 days/,
    doIt: (bench) => forget(bench, 'publisher'),
  },
  {
    code: 'review_sign_ins_unread',
    says: /could not be read/,
    doIt: (bench) => put(bench.lab.azure.graph.settings, 'hasSignInLog', false),
  },
  {
    code: 'review_application_secret',
    says: /has the secret "old \*one\*"/,
    doIt: (bench) => addSecret(bench, 'password'),
  },
  {
    code: 'review_application_certificate',
    says: /has the certificate/,
    doIt: (bench) => addSecret(bench, 'certificate'),
  },
  {
    code: 'review_application_owner',
    says: /belongs to Lab administrator/,
    doIt: (bench) => {
      const { owners } = appOf(bench, 'publisher')
      owners.push(bench.lab.azure.administrator.app.objectId)
      return () => void owners.pop()
    },
  },
  {
    code: 'review_application_unused',
    says: /made for the identity "reader"/,
    doIt: (bench) => edit(bench, lookEntry, ''),
  },
  {
    code: 'review_managed_identity',
    says: /"reader" is a managed identity/,
    doIt: (bench) =>
      edit(
        bench,
        /( {2}reader: \{ tenant_id: [^ ,]+)[^}]*\}/,
        `$1, kind: managed_identity, subscription: ${bench.lab.azure.subscriptionId}, resource_group: lab, location: westeurope }`,
      ),
  },
  {
    code: 'review_role_missing',
    says: /Storage Blob Data Reader of the identity "reader"/,
    doIt: (bench) => {
      const { state } = bench.lab.azure.arm
      const own = appOf(bench, 'reader').objectId
      const rest = state.assignments.filter(({ principalId }) => principalId !== own)
      return put(state, 'assignments', rest)
    },
  },
  {
    code: 'review_role_changed',
    says: /condition: /,
    doIt: (bench) => edit(bench, 'prefix: hello/', 'prefix: other/'),
  },
  {
    code: 'review_role_dangling',
    says: /Storage Blob Data Reader/,
    doIt: (bench) => edit(bench, lookEntry, ''),
  },
  {
    code: 'review_role_unknown',
    says: /Storage Blob Data Contributor at .*\/containers\/other/,
    doIt: (bench) =>
      seed(
        bench,
        'Storage Blob Data Contributor',
        bench.lab.azure.scopes.container('acmeart', 'other'),
      ),
  },
  {
    code: 'review_role_high',
    says: /Storage Blob Data Reader at .*\/storageAccounts\/acmeart\./,
    doIt: (bench) =>
      seed(bench, 'Storage Blob Data Reader', bench.lab.azure.scopes.account('acmeart')),
  },
  {
    code: 'review_role_keys',
    says: /Reader and Data Access at .*reads the keys/,
    doIt: (bench) => seed(bench, 'Reader and Data Access', bench.lab.azure.scopes.resourceGroup),
  },
  {
    code: 'review_role_reader',
    says: /"publisher" has Reader at \/subscriptions\/[^/]+\.$/,
    doIt: (bench) => seed(bench, 'Reader', `/subscriptions/${bench.lab.azure.subscriptionId}`),
  },
  {
    code: 'review_account_missing',
    says: /no storage account .*acmegone/,
    doIt: (bench) => edit(bench, /acmeart/g, 'acmegone'),
  },
  {
    code: 'review_container_missing',
    says: /no .*\/containers\/artifacts/,
    doIt: (bench) => put(account(bench), 'containers', []),
  },
  {
    code: 'review_account_shared_key',
    says: /acmeart takes shared keys/,
    doIt: (bench) => put(account(bench).properties, 'allowSharedKeyAccess', true),
  },
  {
    code: 'review_account_open',
    says: /acmeart is open/,
    doIt: (bench) => put(account(bench).properties.networkAcls, 'defaultAction', 'Allow'),
  },
  {
    code: 'review_logs_off',
    says: /blobServices of the account acmeart/,
    doIt: (bench) => put(bench.lab.azure.arm.state, 'diagnostics', []),
  },
  {
    code: 'review_repository_gone',
    says: /no repository octo\/hello \(42\) in "main"/,
    doIt: (bench) => {
      bench.drone.remove(hello)
      return () => bench.drone.know(hello)
    },
  },
  {
    code: 'review_repository_renamed',
    says: /run trust rotate --rename octo\/hello=octo\/greeting$/,
    doIt: ({ drone }) => {
      drone.know({ ...hello, slug: 'octo/greeting' })
      return () => drone.know(hello)
    },
  },
  {
    code: 'review_repository_replaced',
    says: /octo\/hello belongs to the repository 77, and the policy means 42/,
    doIt: ({ drone }) => {
      drone.remove(hello)
      drone.know({ ...hello, id: 2, uid: '77' })
      return () => {
        drone.remove(hello)
        drone.know(hello)
      }
    },
  },
  {
    code: 'review_repository_inactive',
    says: /octo\/hello \(42\) is not active/,
    doIt: ({ drone }) => {
      drone.know(hello, { isActive: false })
      return () => drone.know(hello)
    },
  },
  {
    code: 'review_repositories_unchecked',
    says: /does not show 1 of 1 repositories .*no administrator: octo\/hello\.$/,
    doIt: ({ drone }) => put(drone.settings, 'isAdmin', false),
  },
  {
    code: 'review_key_due',
    says: /to be replaced on 20.*no next key is published/,
    doIt: ({ door }) => {
      const [active] = door.settings.keys
      assert.ok(active)
      return put(active, 'rotatesAt', new Date(Date.now() + 13 * dayMs).toISOString())
    },
  },
  {
    code: 'review_key_unchecked',
    says: /The key file is broken/,
    doIt: ({ door }) => put(door.settings, 'hasBrokenKeys', true),
  },
]

// As if the builds of this identity had been refused each time.
function forget(bench: Bench, name: string): () => void {
  const { clientId } = appOf(bench, name)
  const own = exchanges(bench).filter((row) => row.clientId === clientId)
  for (const row of own) row.resultCode = 700024
  return () => {
    for (const row of own) row.resultCode = 0
  }
}
