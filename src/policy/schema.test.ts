import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'
import { stringify } from 'yaml'

import { Fault } from '../core/fault.ts'
import { parsePolicy } from './schema.ts'

const good = `
version: 1
identities:
  artifacts:
    tenant_id: 11111111-2222-4333-8444-555555555555
    client_id: aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee
policies:
  - name: publish
    description: Pushes to main publish artifacts.
    subjects:
      - instance: ci-main
        repository_id: "42"
        repository: octo/hello
        events: [push, tag]
        refs: [refs/heads/main, refs/tags/v*]
    identity: artifacts
    audiences: [api://AzureADTokenExchange]
    lifetime: 5m
`

type Node = Record<string, unknown>
type Changes = { file?: Node; entry?: Node; subject?: Node }

const write = ({ file, entry, subject }: Changes = {}): string =>
  stringify({
    version: 1,
    identities: {
      artifacts: {
        tenant_id: '11111111-2222-4333-8444-555555555555',
        client_id: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
      },
    },
    policies: [
      {
        name: 'publish',
        subjects: [
          {
            instance: 'ci-main',
            repository_id: '42',
            repository: 'octo/hello',
            events: ['push'],
            refs: ['refs/heads/main'],
            ...subject,
          },
        ],
        identity: 'artifacts',
        audiences: ['api://AzureADTokenExchange'],
        ...entry,
      },
    ],
    ...file,
  })

test('policy file › is read into entries', () => {
  assert.deepEqual(parsePolicy(good).entries.get('publish'), {
    name: 'publish',
    subjects: [
      {
        instance: 'ci-main',
        repositoryId: '42',
        repository: 'octo/hello',
        events: ['push', 'tag'],
        refs: ['refs/heads/main', 'refs/tags/v*'],
      },
    ],
    identity: {
      name: 'artifacts',
      tenantId: '11111111-2222-4333-8444-555555555555',
      clientId: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
    },
    audiences: ['api://AzureADTokenExchange'],
    lifetimeSeconds: 300,
    mode: 'enforce',
    subjectForm: 'repository',
    isDirect: false,
    grants: [],
  })
})

test('policy file › gives ten minutes when no lifetime is named, and may hold no entry at all', () => {
  assert.equal(parsePolicy(write()).entries.get('publish')?.lifetimeSeconds, 600)
  assert.equal(parsePolicy(write({ file: { policies: [] } })).entries.size, 0)
})

const lifetimes: [text: unknown, seconds: number | undefined][] = [
  ['1m', 60],
  ['60s', 60],
  ['10m', 600],
  ['600s', 600],
  ['59s', undefined],
  ['601s', undefined],
  ['11m', undefined],
  ['1h', undefined],
  ['0m', undefined],
  ['-5m', undefined],
  ['5', undefined],
  [300, undefined],
  ['', undefined],
]

for (const [lifetime, seconds] of lifetimes) {
  test(`policy file › ${seconds ? 'takes' : 'refuses'} the lifetime ${JSON.stringify(lifetime)}`, () => {
    const read = () => parsePolicy(write({ entry: { lifetime } })).entries.get('publish')
    if (seconds) assert.equal(read()?.lifetimeSeconds, seconds)
    else assert.throws(read, { code: 'config_invalid', message: /policies\[0\]\.lifetime/ })
  })
}

const mistakes: [name: string, file: string | Changes, says: RegExp][] = [
  ['nothing', '', /the file: /],
  ['a list', '- 1', /the file: /],
  ['YAML with a tab', '\tversion: 1', /not YAML/],
  ['two documents', `${good}---${good}`, /not YAML/],
  ['a key twice', `${good}version: 1\n`, /not YAML.*unique/s],
  [
    'an entry name as identity',
    good.replace('identity: a', 'identity: b'),
    /identity "brtifacts" is not among/,
  ],
  ['no version', { file: { version: undefined } }, /version/],
  ['version 2', { file: { version: 2 } }, /version/],
  ['version "1"', { file: { version: '1' } }, /version/],
  ['an unknown key on top', { file: { extra: 1 } }, /extra/],
  ['an unknown key in an entry', { entry: { steps: [] } }, /steps/],
  ['an unknown key in a subject', { subject: { branch: 'x' } }, /branch/],
  ['a misspelt key', { subject: { repositoryId: '42' } }, /repositoryId/],
  [
    'a number as id',
    { subject: { repository_id: 42 } },
    /repository_id: must be the SCM id in quotes/,
  ],
  ['an empty id', { subject: { repository_id: '' } }, /repository_id/],
  ['no id', { subject: { repository_id: undefined } }, /repository_id/],
  ['a repository without owner', { subject: { repository: 'hello' } }, /owner\/name/],
  ['a repository with a newline', { subject: { repository: 'o/h\n' } }, /owner\/name/],
  ['no events', { subject: { events: [] } }, /events/],
  ['an unknown event', { subject: { events: ['deploy'] } }, /events\[0\]/],
  ['an event in capitals', { subject: { events: ['PUSH'] } }, /events\[0\]/],
  ['params of a fork', { subject: { events: ['params:fork'] } }, /events\[0\]/],
  ['fork beside push', { subject: { events: ['push', 'fork'] } }, /fork must be the only event/],
  ['no refs', { subject: { refs: [] } }, /refs/],
  ['refs left out', { subject: { refs: undefined } }, /refs/],
  ['a star for every ref', { subject: { refs: ['*'] } }, /refs\[0\].*begins with/],
  ['a pattern of another language', { subject: { refs: ['refs/(a|b)'] } }, /refs\[0\]/],
  ['no subject', { entry: { subjects: [] } }, /subjects/],
  ['no audience', { entry: { audiences: [] } }, /audiences/],
  ['an empty audience', { entry: { audiences: [''] } }, /audiences\[0\]/],
  ['an audience that is no list', { entry: { audiences: 'x' } }, /audiences/],
  ['an unknown identity', { entry: { identity: 'other' } }, /identity "other" is not among/],
  [
    'an identity every object has',
    { entry: { identity: 'constructor' } },
    /identity "constructor" is not among/,
  ],
  ['a name with a colon', { entry: { name: 'x:policy:y' } }, /policies\[0\]\.name/],
  ['a name in capitals', { entry: { name: 'Publish' } }, /policies\[0\]\.name/],
  ['a name of 64 letters', { entry: { name: 'x'.repeat(64) } }, /policies\[0\]\.name/],
  [
    'a tenant that is no GUID',
    good.replace('11111111-', 'contoso-'),
    /identities\.artifacts\.tenant_id: must be a GUID/,
  ],
  ['a GUID in braces', good.replace(/tenant_id: (.*)/, 'tenant_id: "{$1}"'), /tenant_id/],
]

for (const [name, file, says] of mistakes) {
  test(`policy file › with ${name} is refused`, () => {
    const text = typeof file === 'string' ? file : write(file)
    assert.throws(() => parsePolicy(text), { code: 'config_invalid', exitCode: 2, message: says })
  })
}

test('policy file › refuses two entries of one name', () => {
  const entry = good.slice(good.indexOf('  - name'))
  assert.throws(() => parsePolicy(good + entry), {
    message: /policies\[1\].*the name is used twice/,
  })
})

test('policy file › takes fork as the only event of a quarantine entry', () => {
  const policy = parsePolicy(write({ subject: { events: ['fork'], refs: ['refs/pull/**'] } }))
  assert.deepEqual(policy.entries.get('publish')?.subjects[0]?.events, ['fork'])
})

test('policy file › reports every mistake in its form at once', () => {
  const text = write({
    file: { version: 3, extra: 1 },
    entry: { name: 'UPPER', lifetime: '1h', audiences: [] },
    subject: { repository_id: 42, events: ['deploy'], refs: ['*', 'a?'] },
  })
  assert.throws(
    () => parsePolicy(text),
    (error: Fault) => {
      const expected = [
        'version',
        'extra',
        '.name',
        'lifetime',
        'audiences',
        '_id',
        'events',
        'refs[0]',
        'refs[1]',
      ]
      for (const part of expected) assert.ok(error.message.includes(part), part)
      assert.match(error.message, /has 9 problem\(s\)/)
      return true
    },
  )
})

test('policy file › reports every mistake in its meaning at once', () => {
  const subject = { events: ['push', 'fork'] }
  const entry = good
    .slice(good.indexOf('  - name'))
    .replace('identity: artifacts', 'identity: gone')
  assert.throws(() => parsePolicy(write({ entry: { identity: 'other' }, subject }) + entry), {
    message: /has 4 problem\(s\).*only event.*"other".*used twice.*"gone"/s,
  })
})

test('policy file › that is an alias bomb is refused at once', () => {
  const levels = Array.from({ length: 20 }, (_, level) => {
    const before = level === 0 ? 'lol' : `*a${level - 1}`
    return `a${level}: &a${level} [${Array.from({ length: 10 }, () => before).join(', ')}]`
  })
  const started = performance.now()
  assert.throws(() => parsePolicy(levels.join('\n')), { code: 'config_invalid' })
  assert.ok(performance.now() - started < 1000)
})

test('policy file › with a merge key, or a tag or directive of another program, is refused, not obeyed', () => {
  const merged = `${good}<<: {version: 1}\n`
  const tagged = good.replace('"42"', '!!js/function "42"')
  const directed = `%TAG ! x\n%Z 1\n---${good}`
  for (const text of [merged, tagged, directed]) {
    assert.throws(() => parsePolicy(text), { code: 'config_invalid' })
  }
})

test('policy file › property: any text is a policy or a config_invalid, never a bug', () => {
  const json = fc.jsonValue().map((value) => stringify(value))
  const changed = fc.record({
    file: fc.dictionary(fc.string(), fc.jsonValue()),
    entry: fc.dictionary(fc.string(), fc.jsonValue()),
  })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        json,
        changed.map((each) => write(each)),
      ),
      (text) => {
        try {
          parsePolicy(text)
        } catch (error) {
          assert.ok(error instanceof Fault && error.code === 'config_invalid')
        }
      },
    ),
  )
})
