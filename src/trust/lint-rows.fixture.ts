// What makes each finding of `trust lint`, and what nearly does.
import type { TrustCode } from './finding.ts'
import type { TrustService } from './lint.ts'
import { issuerUrl } from './policy.fixture.ts'

/** Texts of the example and what stands in their place. */
export type Changes = [from: string, to: string][]

/** One kind of finding in two variants of the example. */
export type Row = {
  code: TrustCode
  /** What makes the finding of the example, and the text it points at. */
  with: Changes | Partial<TrustService>
  at: string
  says?: RegExp
  /** Nearly the same, without the finding. */
  without: Changes | Partial<TrustService>
}

/** The refs of the entry `publish`. */
export const pushRefs = 'refs: [refs/heads/main, refs/heads/next]'
const audience = '    audiences: [api://AzureADTokenExchange]\n    grants:\n      - { id: out'
const outGrant =
  '- { id: out, account: acmeart, service: blob, container: builds, prefix: hello/, verbs: [blob.read, blob.list, blob.write, blob.delete] }'
const inGrant =
  '- { id: in, account: acmeart, service: blob, container: builds, verbs: [blob.read, blob.list] }'
const lookSubject =
  '- { instance: main, repository: octo/hello, repository_id: "42", events: [pull_request], refs: [refs/**] }'
const manyRefs = (count: number) =>
  `refs: [${Array.from({ length: count }, (_, index) => `refs/heads/b${index}`).join(', ')}]`
const manyGrants = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    outGrant.replace('out', `g${index}`).replace('hello/', `${'p'.repeat(60)}${index}/`),
  ).join('\n      ')
const readers =
  'readers: { tenant_id: 11111111-2222-4333-8444-555555555555, client_id: aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff }'
const managed = `${readers.slice(0, -2)}, kind: managed_identity, subscription: 99999999-0000-4000-8000-000000000001, resource_group: rg }`
const fork: Changes = [['events: [pull_request]', 'events: [fork]']]

/** A row or more for each kind of finding. */
export const rows: readonly Row[] = [
  {
    code: 'trust_issuer_slash',
    with: { issuerUrl: `${issuerUrl}/` },
    at: 'issuer_url',
    without: { issuerUrl },
  },
  {
    code: 'trust_issuer_form',
    with: { issuerUrl: 'https://CI.example' },
    at: 'issuer_url',
    without: { issuerUrl: 'https://ci.example:8443/Oidc' },
  },
  {
    code: 'trust_issuer_form',
    with: { issuerUrl: 'http://ci.example' },
    at: 'issuer_url',
    without: { issuerUrl: 'https://ci.example' },
  },
  {
    code: 'trust_instance_unknown',
    with: { instances: ['Main'] },
    at: 'main',
    says: /it has Main/,
    without: { instances: ['main', 'x'] },
  },
  {
    code: 'trust_star_literal',
    with: [
      [
        'repository: octo/hello, repository_id: "42", events: [push]',
        'repository: octo/*, repository_id: "42", events: [push]',
      ],
    ],
    at: 'octo/*',
    without: [['octo/hello', 'octo/hello.x']],
  },
  {
    code: 'trust_refs_case',
    with: [[pushRefs, 'refs: [refs/heads/main, refs/heads/Main]']],
    at: 'refs/heads/Main',
    without: [[pushRefs, 'refs: [refs/heads/main, refs/heads/mine]']],
  },
  {
    code: 'trust_refs_near',
    with: [[pushRefs, 'refs: [refs/heads/my-topic, refs/heads/my_topic]']],
    at: 'refs/heads/my_topic',
    without: [[pushRefs, 'refs: [refs/heads/v1, refs/heads/v2]']],
  },
  {
    code: 'trust_slug_case',
    with: [[lookSubject, lookSubject.replace('octo/hello', 'Octo/hello')]],
    at: 'Octo/hello',
    says: /spelled octo\/hello/,
    without: [[lookSubject, lookSubject.replace('octo/hello', 'Octo/world')]],
  },
  {
    code: 'trust_ref_short',
    with: [[pushRefs, 'refs: [main]']],
    at: 'main]',
    without: [[pushRefs, 'refs: [refs/heads/main]']],
  },
  {
    code: 'trust_ref_dead',
    with: [
      ['events: [push]', 'events: [push, tag]'],
      [pushRefs, 'refs: [refs/tags/v1]'],
    ],
    at: '[push, tag]',
    without: [
      ['events: [push]', 'events: [tag]'],
      [pushRefs, 'refs: [refs/tags/v1]'],
    ],
  },
  {
    code: 'trust_audience_spelling',
    with: [[audience, audience.replace('Exchange]', 'exchange/]')]],
    at: 'api://AzureADTokenexchange/',
    without: [],
  },
  {
    code: 'trust_audience_cloud',
    with: [[audience, audience.replace('Exchange]', 'ExchangeUSGov]')]],
    at: '[api://AzureADTokenExchangeUSGov]',
    says: /cloud public/,
    without: [[audience, audience.replace('Exchange]', 'Exchange, sts.amazonaws.com]')]],
  },
  {
    code: 'trust_audience_cloud',
    with: [[outGrant, outGrant.replace('acmeart', 'acmegov')]],
    at: '[api://AzureADTokenExchange]',
    says: /wants api:\/\/AzureADTokenExchangeUSGov/,
    without: [
      [outGrant, outGrant.replace('acmeart', 'acmegov')],
      [audience, audience.replace('Exchange]', 'ExchangeUSGov]')],
    ],
  },
  {
    code: 'trust_clouds_mixed',
    with: [
      [
        outGrant,
        `${outGrant}\n      ${outGrant.replace('out', 'gov').replace('acmeart', 'acmegov')}`,
      ],
    ],
    at: 'acmegov, service',
    without: [[inGrant, inGrant.replace('acmeart', 'acmegov')]],
  },
  {
    code: 'trust_subject_long',
    with: [[pushRefs, `refs: [refs/heads/${'x'.repeat(100)}]`]],
    at: `refs/heads/${'x'.repeat(100)}`,
    without: [[pushRefs, `refs: [refs/heads/${'x'.repeat(80)}]`]],
  },
  {
    code: 'trust_subject_open',
    with: [[pushRefs, 'refs: [refs/heads/main, refs/heads/release/*]']],
    at: 'refs/heads/release/*',
    without: [
      [pushRefs, 'refs: [refs/heads/main, refs/heads/release/*]'],
      ['  - name: publish', '  - name: publish\n    subject: policy'],
    ],
  },
  {
    code: 'trust_subject_open',
    with: [['events: [push]', 'events: [promote]']],
    at: '[promote]',
    says: /each target/,
    without: [
      ['events: [push]', 'events: [promote]'],
      ['  - name: publish', '  - name: publish\n    subject: policy'],
    ],
  },
  {
    code: 'trust_credentials_many',
    with: [[pushRefs, manyRefs(21)]],
    at: '- name: publish',
    says: /21 .*`subject: policy` it would be 1,.*use `subject: policy`\./,
    without: [[pushRefs, manyRefs(20)]],
  },
  {
    code: 'trust_role_wider',
    with: [
      [
        inGrant,
        '- { id: in, account: acmeart, service: file, share: tools, verbs: [file.read, file.list] }',
      ],
    ],
    at: '{ id: in',
    without: [],
  },
  {
    code: 'trust_role_custom',
    with: [[outGrant, outGrant.replace(', blob.delete', '')]],
    at: '{ id: out',
    without: [],
  },
  {
    code: 'trust_gateway_only',
    with: [[outGrant, outGrant.replace('hello/', '"${build.number}/"')]],
    at: '{ id: out',
    without: [],
  },
  {
    code: 'trust_fork_container',
    with: fork,
    at: '{ id: in',
    says: /builds of publish/,
    without: [...fork, [inGrant, inGrant.replace('container: builds', 'container: quarantine')]],
  },
  {
    code: 'trust_fork_container',
    with: [
      ...fork,
      [inGrant, inGrant.replace('builds', 'own')],
      ['  - name: look\n    subject: policy', '  - name: look'],
      [lookSubject, `${lookSubject}\n      ${lookSubject.replace('pull_request', 'tag')}`],
    ].toReversed() as Changes,
    at: '{ id: in',
    says: /look itself/,
    without: [...fork, [inGrant, inGrant.replace('builds', 'own')]],
  },
  {
    code: 'trust_fork_identity',
    with: [...fork, ['identity: readers', 'identity: artifacts']],
    at: 'artifacts\n    audiences: [api://AzureADTokenExchange]\n    grants:\n      - { id: in',
    says: /builds of publish/,
    without: fork,
  },
  {
    code: 'trust_account_unknown',
    with: [[outGrant, outGrant.replace('acmeart', 'nowhere')]],
    at: 'nowhere',
    without: [],
  },
  {
    code: 'trust_condition_long',
    with: [[outGrant, manyGrants(40)]],
    at: '{ id: g0',
    without: [[outGrant, manyGrants(4)]],
  },
  {
    code: 'trust_identity_unapplied',
    with: [[readers, readers.replace(', client_id: aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff', '')]],
    at: '{ tenant_id: 11111111-2222-4333-8444-555555555555 }',
    without: [],
  },
  {
    code: 'trust_managed_identity',
    with: [[readers, managed]],
    at: 'managed_identity',
    without: [[readers, `${readers.slice(0, -2)}, kind: application }`]],
  },
]
