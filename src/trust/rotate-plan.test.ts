import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { parsePolicy, type Policy } from '../policy/schema.ts'
import { emptyTenant, type ActualState } from './actual.ts'
import { toDesired } from './desired.ts'
import { artifacts, issuerUrl, tenantId } from './policy.fixture.ts'
import {
  batchRenames,
  countCredentials,
  listNewTrials,
  listSlugless,
  planFirstRun,
  planSecondRun,
  type CredentialChange,
} from './rotate-plan.ts'
import { addNew, dropOld, findRenames, isStarted, readOrder } from './rotate-subjects.ts'
import { writeImpossible, writeKeys, writeTimeline } from './rotate-text.ts'

type Repository = { slug: string; refs: number; form?: 'policy' }

const head = `version: 1
identities:
  artifacts: { tenant_id: ${tenantId}, client_id: ${artifacts} }
policies:
`

function policyOf(repositories: readonly Repository[]): Policy {
  const entries = repositories.map(({ slug, refs, form }, index) => {
    const names = Array.from({ length: refs }, (_, at) => `refs/heads/b${at}`)
    return `  - name: entry-${index}
    ${form ? `subject: ${form}` : 'description: plain'}
    subjects: [{ instance: main, repository: ${slug}, repository_id: "${index + 1}", events: [push], refs: [${names.join(', ')}] }]
    identity: artifacts
    audiences: [api://AzureADTokenExchange]
`
  })
  return parsePolicy(head + entries.join(''))
}

const applied = (policy: Policy, foreign = 0): ActualState => ({
  ...emptyTenant(tenantId),
  applications: [{ objectId: 'o', appId: artifacts, displayName: 'artifacts' }],
  servicePrincipals: [{ objectId: 'p', appId: artifacts, isEnabled: true }],
  credentials: [
    ...toDesired({ policy, issuerUrl }).desired.identities.flatMap(({ credentials }) =>
      credentials.map((each) => actualOf(each)),
    ),
    ...Array.from({ length: foreign }, (_, at) =>
      actualOf({
        name: `by-hand-${at}`,
        issuer: 'https://x.example',
        subject: `s${at}`,
        audience: 'a',
        description: '',
      }),
    ),
  ],
})

function actualOf({ audience, ...rest }: CredentialChange['credential']) {
  return { ...rest, id: rest.name, clientId: artifacts, audiences: [audience] }
}

// Makes one change as Azure would; throws where Azure would.
function carryOut(actual: ActualState, { action, credential }: CredentialChange): ActualState {
  const rest = actual.credentials.filter(({ name }) => name !== credential.name)
  if (action === 'add') assert.equal(rest.length, actual.credentials.length, 'a name twice')
  const credentials = action === 'remove' ? rest : [...rest, actualOf(credential)]
  assert.ok(credentials.length <= 20, `${credentials.length} credentials on one identity`)
  return { ...actual, credentials }
}

const order = readOrder('octo/*=new/*')
const subjectsOf = ({ credentials }: ActualState) =>
  credentials.map(({ subject }) => subject ?? '').toSorted()

test('a rename in batches › never has more than 20 credentials, and removes nothing whose successor was not tried', () => {
  const repository = fc.record({
    slug: fc.constantFrom('octo', 'octo', 'octo', 'other'),
    refs: fc.integer({ min: 1, max: 4 }),
    form: fc.option(fc.constant('policy' as const), { nil: undefined, freq: 5 }),
  })
  const world = fc
    .record({
      list: fc.array(repository, { minLength: 3, maxLength: 9 }),
      foreign: fc.integer({ min: 0, max: 4 }),
      isStopped: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    })
    .filter(({ list, foreign }) => {
      const count = list.reduce((sum, { refs, form }) => sum + (form ? 1 : refs), foreign)
      return count <= 20
    })
  fc.assert(
    fc.property(world, ({ list, foreign, isStopped }) => {
      const stops = [...isStopped]
      let policy = policyOf(
        list.map(({ slug, refs, form }, at) => ({
          slug: `${slug}/r${at}`,
          refs,
          ...(form && { form }),
        })),
      )
      let actual = applied(policy, foreign)
      const expected = dropOld(
        addNew(policy, findRenames(policy, order)),
        findRenames(policy, order),
      )
      const renames = findRenames(policy, order)
      const { impossible } = batchRenames({ policy, issuerUrl, actual }, renames)
      for (const each of impossible) assert.ok(each.present + each.needed > 20)
      if (impossible.length > 0) return
      const tried = new Set<string>()
      // A run may end after any change; the next one goes on.
      const run = (changes: readonly CredentialChange[]) => {
        for (const change of changes) {
          if (stops.pop()) return false
          actual = carryOut(actual, change)
        }
        return true
      }
      for (let runs = 0; findRenames(policy, order).length > 0; runs++) {
        assert.ok(runs < 100, 'it comes to an end')
        const batches = batchRenames({ policy, issuerUrl, actual }, findRenames(policy, order))
        const { taken } = batches
        assert.ok(taken.length > 0)
        assert.deepEqual(batches.impossible, [], 'what had room once has it still')
        const all = [taken, ...batches.waiting].flat()
        assert.equal(new Set(all).size, findRenames(policy, order).length)
        const first = planFirstRun({ policy, issuerUrl, actual }, taken)
        assert.deepEqual(first.notes, [])
        policy = addNew(policy, taken)
        if (!run(first.changes)) continue
        for (const { subject } of listNewTrials({ policy, issuerUrl, actual }, taken)) {
          assert.ok(subjectsOf(actual).includes(subject), 'what is tried is there')
          tried.add(subject)
        }
        const begun = findRenames(policy, order).filter((each) => isStarted(policy, each))
        const second = planSecondRun({ policy, issuerUrl, actual }, begun)
        for (const { action, credential } of second.changes) {
          const successor = credential.subject?.replace('repo:octo/', 'repo:new/') ?? ''
          if (action === 'remove') assert.ok(tried.has(successor), successor)
        }
        if (run(second.changes)) policy = dropOld(policy, begun)
      }
      assert.deepEqual(subjectsOf(actual), subjectsOf(applied(expected, foreign)))
    }),
    { numRuns: 150 },
  )
})

const input = (list: readonly Repository[], foreign = 0) => {
  const policy = policyOf(list)
  return { policy, issuerUrl, actual: applied(policy, foreign) }
}

test('a rename in batches › says which wait, and what has no room at all', () => {
  const many = input(Array.from({ length: 4 }, (_, at) => ({ slug: `octo/r${at}`, refs: 3 })))
  const batches = batchRenames(many, findRenames(many.policy, order))
  assert.deepEqual(
    [batches.taken, ...batches.waiting].map((each) => each.map(({ from }) => from)),
    [
      ['octo/r0', 'octo/r1'],
      ['octo/r2', 'octo/r3'],
    ],
  )
  assert.deepEqual(countCredentials(many, batches.taken), [
    { identity: 'artifacts', now: 12, between: 18, after: 12 },
  ])
  const full = input([{ slug: 'octo/big', refs: 9 }], 4)
  const [never] = batchRenames(full, findRenames(full.policy, order)).impossible
  assert.ok(never)
  assert.equal(
    writeImpossible(never),
    'The rename of octo/big needs 9 more federated credentials beside the 13 of the identity "artifacts" until it is finished, and Entra takes 20: use `subject: policy` or `subject: identity` in an entry of it, forms that carry no repository name (policy:… and identity:…).',
  )
})

test('a rename › leaves alone whatever else differs in Azure', () => {
  const { policy, actual } = input([
    { slug: 'octo/a', refs: 2 },
    { slug: 'octo/b', refs: 1 },
  ])
  const stray = { ...actual, credentials: actual.credentials.slice(1) }
  const [first] = findRenames(policy, order)
  assert.ok(first)
  const { changes } = planFirstRun({ policy, issuerUrl, actual: stray }, [first])
  assert.deepEqual(
    changes.map(({ action, credential }) => [action, credential.subject]),
    [
      ['add', 'repo:new/a@1:ref:refs/heads/b0'],
      ['add', 'repo:new/a@1:ref:refs/heads/b1'],
    ],
  )
})

test('the timeline of a rename › tells both runs, counts and batches', () => {
  const world = input([
    ...Array.from({ length: 4 }, (_, at) => ({ slug: `octo/r${at}`, refs: 3 })),
    { slug: 'octo/r4', refs: 1, form: 'policy' },
  ])
  const { taken, waiting } = batchRenames(world, findRenames(world.policy, order))
  const both = { ...world, policy: addNew(world.policy, taken) }
  const text = writeTimeline({
    file: 'policy.yaml',
    taken,
    waiting,
    counts: countCredentials(world, taken),
    added: planFirstRun(world, taken).changes.slice(0, 1),
    removed: planSecondRun(both, taken)
      .changes.filter(({ action }) => action === 'remove')
      .slice(0, 1),
    slugless: listSlugless(both.policy, taken),
    before: ['add new/r0 to the runner'],
  })
  assert.equal(
    text,
    `Rename of octo/r0 -> new/r0 (id 1), octo/r1 -> new/r1 (id 2), octo/r4 -> new/r4 (id 5)
  identity       now  between    after    limit
  artifacts       13       19       13       20

Run 1, before the rename:
  policy.yaml gets a second subject with the new name beside each of the old one
  + federated credential artifacts: repo:new/r0@1:ref:refs/heads/b0
  each new subject is tried through the service until Entra exchanges it, which can take some minutes
  only the policy changes for entry-4: these subjects carry no repository name
  add new/r0 to the runner
Then, while no build of it runs, rename at the source-code host and let the CI server see it.
Run 2, after it, the same command with --finish:
  - federated credential artifacts: repo:octo/r0@1:ref:refs/heads/b0
  policy.yaml loses the subjects of the old name
  a build that began under the old name gets no token from then on
Waits for room (batch 2, after run 2): octo/r2 -> new/r2 (id 3), octo/r3 -> new/r3 (id 4)
`,
  )
})

test('the timeline of keys › says which key signs until when', () => {
  const createdAt = '2026-01-01T00:00:00.000Z'
  assert.equal(
    writeKeys({
      keys: [
        {
          kid: 'one',
          state: 'active',
          createdAt,
          activatedAt: createdAt,
          rotatesAt: '2026-04-01T00:00:00.000Z',
        },
        { kid: 'two-2', state: 'next', createdAt },
        { kid: 'old', state: 'retired', createdAt, removableAt: '2026-01-02T00:10:00.000Z' },
      ],
    }),
    `one    active   signs since 2026-01-01T00:00:00.000Z, until the next key does
two-2  next     made 2026-01-01T00:00:00.000Z, signs once the public URL has served it for 24 h
old    retired  signs no more, published until 2026-01-02T00:10:00.000Z
`,
  )
})
