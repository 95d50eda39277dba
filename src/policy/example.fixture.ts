// Example policy files for tests: good ones, and mistakes with the place and the words they are
// reported with. The JSON Schema is held to the same examples.

/** A file with everything in it. */
export const fullExample = `version: 1
identities:
  artifacts:
    tenant_id: 11111111-2222-4333-8444-555555555555
    client_id: aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee
  cache: { tenant_id: 11111111-2222-4333-8444-555555555555, client_id: aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff }
policies:
  - name: publish
    description: Pushes to release branches publish artifacts.
    mode: enforce
    subject: policy
    direct: true
    subjects:
      - { instance: main, repository_id: "42", repository: octo/hello, events: [push], refs: [refs/heads/main, refs/heads/release/*] }
    identity: artifacts
    audiences: [api://AzureADTokenExchange]
    lifetime: 5m
    grants:
      - { id: out, account: acmeart, service: blob, container: builds, prefix: app/out/, verbs: [blob.read, blob.list, blob.write] }
      - { id: all, account: acmeart, service: blob, container: $web, verbs: [blob.read, blob.list] }
      - { id: share, account: acmeart, service: file, share: tools, verbs: [file.read, file.list] }
  - name: cache
    mode: audit
    subjects:
      - { instance: main, repository_id: "42", repository: octo/hello, events: [push, tag], refs: [refs/**] }
    identity: cache
    audiences: [api://AzureADTokenExchange]
`

/** One change to the full example, and what is said of it; `isForm` when a JSON Schema can see it too. */
export type Mistake = {
  name: string
  from: string
  to: string
  isForm: boolean
  says: RegExp
}

const grant = 'verbs: [blob.read, blob.list, blob.write]'
const prefix = 'prefix: app/out/'

const badPrefixes: [prefix: string, says: RegExp, isForm?: boolean][] = [
  ['app', /must end in/],
  ['/', /empty segment/],
  ['/app/', /empty segment/],
  ['app//x/', /empty segment/],
  ['./', /segment that is or ends in/, false],
  ['app/../x/', /segment that is or ends in/, false],
  ['app/x./', /segment that is or ends in/, false],
  ['app\\\\x/', /backslash/],
  ['app%2fx/', /uses one of %/],
  ['app*/', /uses one of/],
  ["it's/", /uses one of/],
  ['app\\n/', /control character/],
  ['app\\u2028/', /control character/, false],
  ['app /', /blank at its edge/, false],
  ['${build.number}x/', /whole segment/, false],
  ['x-${repository.id}/', /whole segment/, false],
  ['${repository.id}${build.number}/', /whole segment/, false],
  ['${build.ref}/', /whole segment/, false],
  ['${BUILD.NUMBER}/', /whole segment/, false],
  ['$HOME/', /whole segment/, false],
]

/** Mistakes, each alone in a file. */
export const mistakes: Mistake[] = [
  ['an unknown mode', 'mode: audit', 'mode: adit', true, /"adit" is none.*mean "audit"/],
  ['a misspelt key', 'audiences: [', 'audience: [', true, /unknown key; did you mean "audiences"/],
  [
    'a key of another place',
    'lifetime: 5m',
    'prefix: 5m',
    true,
    /policies\[0\]\.prefix: unknown key$/m,
  ],
  ['an unknown verb', 'blob.write', 'blob.wirte', true, /mean "blob\.write"/],
  ['a verb of another service', 'blob.write', 'file.write', true, /"file\.write" is none of blob/],
  ['a service that is none', 'service: file', 'service: dfs', true, /must be "blob" or "file"/],
  ['a share in blob', 'container: builds', 'share: builds', true, /share: unknown key/],
  ['an account with a dash', 'account: acmeart', 'account: acme-art', true, /storage account/],
  ['a container with two dashes', 'container: builds', 'container: a--b', true, /be a container/],
  [
    'a container that is a path',
    'container: builds',
    'container: builds/x',
    true,
    /be a container/,
  ],
  ['a grant without verbs', grant, 'verbs: []', true, /verbs/],
  ['an id used twice', 'id: all', 'id: out', false, /grants\[1\]\.id: "out": the id is used twice/],
  [
    'direct for tags with params',
    'events: [push],',
    'events: ["params:push"],',
    false,
    /never handed to params:push/,
  ],
  [
    'direct for pull requests',
    'events: [push],',
    'events: [pull_request],',
    false,
    /never handed to pull_request/,
  ],
  ['direct for forks', 'events: [push],', 'events: [fork],', false, /never handed to fork/],
  ['direct as a text', 'direct: true', 'direct: "true"', true, /direct/],
  [
    'one subject for two classes',
    'events: [push],',
    'events: [push, tag],',
    false,
    /one trust class, not push, tag/,
  ],
  [
    'create_only with write',
    grant,
    `${grant}, create_only: true`,
    false,
    /neither write nor delete/,
  ],
  [
    'create_only without create',
    grant,
    'verbs: [blob.read], create_only: true',
    false,
    /needs the verb create/,
  ],
  [
    'links to what may not be read',
    grant,
    'verbs: [blob.list, blob.write, sas.delegate]',
    false,
    /sas\.delegate needs blob\.read/,
  ],
  ['create alone', grant, 'verbs: [blob.create]', false, /only a gateway.*without overwriting/],
  [
    'a per-build prefix',
    prefix,
    'prefix: "app/${build.number}/"',
    false,
    /only a gateway.*build to build/,
  ],
  [
    'a prefix in a share',
    'share: tools',
    'share: tools, prefix: a/',
    false,
    /only a gateway.*below a share/,
  ],
  [
    'half a read of a share',
    '[file.read, file.list]',
    '[file.read]',
    false,
    /only a gateway.*listing/,
  ],
  [
    'an identity nobody knows',
    'identity: cache',
    'identity: cahce',
    false,
    /not among identities; did you mean "cache"/,
  ],
  ...badPrefixes.map(
    ([text, says, isForm = true]) =>
      [`the prefix ${text}`, prefix, `prefix: "${text}"`, isForm, says] as const,
  ),
].map(([name, from, to, isForm, says]) => ({ name, from, to, isForm, says }) as Mistake)

/** The full example with the mistake in it. */
export function withMistake({ from, to }: Pick<Mistake, 'from' | 'to'>): string {
  return fullExample.replace(from, () => to)
}
