import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { parsePolicy } from '../policy/schema.ts'
import { dropOldNames, writeNewNames } from './rotate-file.ts'
import { findRenames, readOrder } from './rotate-subjects.ts'

const head = `version: 1
# Who is who.
identities:
  artifacts: { tenant_id: 11111111-2222-4333-8444-555555555555 } # ours
policies:
`
const entry = (name: string, subjects: string) =>
  `  - name: ${name}\n    subjects: ${subjects}    identity: artifacts\n    audiences: [api://AzureADTokenExchange]\n`
const flow = (slug: string, id = '42', refs = '[refs/heads/main]') =>
  `{ instance: main, repository: ${slug}, repository_id: "${id}", events: [push], refs: ${refs} }`

const namesOf = (text: string) =>
  [...parsePolicy(text).entries.values()].map(({ subjects }) =>
    subjects.map(({ repository, repositoryId }) => `${repository}@${repositoryId}`),
  )
const renamesOf = (text: string, order = 'octo/hello=octo/greet', newId?: string) =>
  findRenames(parsePolicy(text), readOrder(order, { newId }))

// Adding, adding again, taking the old one out: what the file says after each.
function walk(text: string, order?: string, newId?: string) {
  const renames = renamesOf(text, order, newId)
  const both = writeNewNames(text, renames, {})
  assert.equal(writeNewNames(both, renames, {}), both, 'a second time changes nothing')
  const after = dropOldNames(both, renames, {})
  assert.equal(dropOldNames(after, renames, {}), after, 'a second time changes nothing')
  return { both, after }
}

const shapes: [name: string, subjects: string][] = [
  ['a flow map in a block list', `\n      # main only\n      - ${flow('octo/hello')} # the site\n`],
  ['a flow list', `[${flow('octo/hello')}]\n`],
  [
    'a flow list over lines',
    `[\n        ${flow('octo/other', '7')}, # other\n        ${flow('octo/hello')} # last\n      ]\n`,
  ],
  [
    'a flow list with the repository first',
    `[${flow('octo/hello')}, ${flow('octo/other', '7')}]\n`,
  ],
  [
    'a block map with comments and a block list in it',
    `
    - instance: main # CI
      # renamed in May
      repository: octo/hello # the site
      repository_id: '42'
      events: [push]
      refs:
        - refs/heads/main # always
        - refs/heads/next

    # the next one
    - ${flow('octo/other', '7')}
`,
  ],
  ['quoted names', `\n      - ${flow('"octo/hello"')}\n`],
  [
    'keys in another order',
    `\n      - { repository_id: "42", refs: [refs/heads/main], events: [push], repository: octo/hello, instance: main }\n`,
  ],
]

for (const [name, subjects] of shapes) {
  test(`rename in the file › ${name}: ends as if the name had been typed over`, () => {
    const text = head + entry('publish', subjects)
    const { both, after } = walk(text)
    assert.equal(after, text.replace(/"?octo\/hello"?/, 'octo/greet'))
    assert.ok(namesOf(both)[0]?.join(' ').includes('octo/hello@42 octo/greet@42'))
  })
}

test('rename in the file › changes each entry, and only those of the repository', () => {
  const text =
    head +
    entry('publish', `\n      - ${flow('octo/hello')}\n      - ${flow('octo/hello', '43')}\n`) +
    entry(
      'look',
      `[${flow('octo/hello-again', '9')}, ${flow('octo/hello', '42', '[refs/heads/x]')}]\n`,
    )
  const order = readOrder('octo/hello=octo/greet')
  const [rename] = findRenames(parsePolicy(text), order)
  assert.ok(rename)
  assert.deepEqual(namesOf(writeNewNames(text, [rename], {})), [
    ['octo/hello@42', 'octo/greet@42', 'octo/hello@43'],
    ['octo/hello-again@9', 'octo/hello@42', 'octo/greet@42'],
  ])
})

test('rename in the file › goes on where half of it was done by hand', () => {
  const half =
    head +
    entry('publish', `\n      - ${flow('octo/hello')}\n      - ${flow('octo/greet')}\n`) +
    entry('look', `\n      - ${flow('octo/hello')}\n`)
  const both = writeNewNames(half, renamesOf(half), {})
  assert.deepEqual(namesOf(both), [
    ['octo/hello@42', 'octo/greet@42'],
    ['octo/hello@42', 'octo/greet@42'],
  ])
})

test('rename in the file › takes nothing out that has no successor', () => {
  const text = head + entry('publish', `\n      - ${flow('octo/hello')}\n`)
  assert.equal(dropOldNames(text, renamesOf(text), {}), text)
})

test('rename in the file › a transfer brings the new id', () => {
  const text = head + entry('publish', `\n      - ${flow('octo/hello')}\n`)
  const { both, after } = walk(text, 'octo/hello=new/hello', '9001')
  assert.deepEqual(namesOf(both), [['octo/hello@42', 'new/hello@9001']])
  assert.deepEqual(namesOf(after), [['new/hello@9001']])
})

test('rename in the file › an organisation takes all its repositories along', () => {
  const text =
    head +
    entry(
      'publish',
      `\n      - ${flow('octo/a', '1')}\n      - ${flow('octopus/b', '2')}\n      - ${flow('octo/sub/c', '3')}\n`,
    )
  const { after } = walk(text, 'octo/*=new/*')
  assert.deepEqual(namesOf(after), [['new/a@1', 'octopus/b@2', 'new/sub/c@3']])
})

test('rename in the file › a list that entries share is changed once', () => {
  const text =
    head + entry('publish', `&list\n      - ${flow('octo/hello')}\n`) + entry('look', '*list\n')
  const { both, after } = walk(text)
  assert.equal(both.match(/octo\/greet/g)?.length, 1)
  assert.deepEqual(namesOf(after), [['octo/greet@42'], ['octo/greet@42']])
})

test('rename in the file › a name that is an alias becomes plain text', () => {
  const text =
    head
      .replace('# Who', '# who')
      .replace('{ tenant_id', '{ display_name: &slug octo/hello, tenant_id') +
    entry('publish', `\n      - ${flow('*slug ')}\n`)
  assert.deepEqual(namesOf(walk(text).after), [['octo/greet@42']])
})

test('rename in the file › quotes a name that YAML would read otherwise', () => {
  const text = head + entry('publish', `\n      - ${flow('octo/hello')}\n`)
  assert.deepEqual(namesOf(walk(text, 'octo/hello=@x/#y').after), [['@x/#y@42']])
})

const refused: [name: string, text: string][] = [
  [
    'an anchored subject',
    entry('publish', `\n      - &one ${flow('octo/hello')}\n`) + entry('look', '[*one]\n'),
  ],
  [
    'an anchor inside',
    entry('publish', `\n      - ${flow('octo/hello', '42', '[&main refs/heads/main]')}\n`),
  ],
]
for (const [name, text] of refused) {
  test(`rename in the file › ${name} is left to a person`, () => {
    assert.throws(() => writeNewNames(head + text, renamesOf(head + text), {}), {
      code: 'config_invalid',
      message: /cannot be added to it: octo\/hello -> octo\/greet\.$/,
      hint: /by hand/,
    })
  })
}

test('rename in the file › leaves every other letter as it was', () => {
  const name = fc.constantFrom('octo/hello', 'octo/other', 'octo/hello2')
  const item = fc.record({
    slug: name,
    isBlock: fc.boolean(),
    comment: fc.constantFrom('', ' # é'),
  })
  fc.assert(
    fc.property(
      fc.array(fc.array(item, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('\n', '\r\n'),
      (entries, newline) => {
        const text = (
          head +
          entries
            .map((items, at) =>
              entry(
                `entry-${at}`,
                `\n${items
                  .map(({ slug, isBlock, comment }, index) => {
                    const refs = `[refs/heads/b${index}]`
                    return isBlock
                      ? `      -  instance: main${comment}\n         repository_id: "42"\n         repository: ${slug}\n         refs: ${refs}\n         events: [ push ]${comment}\n`
                      : `      - ${flow(slug, '42', refs)}${comment}\n`
                  })
                  .join('')}`,
              ),
            )
            .join('')
        ).replaceAll('\n', newline)
        const { after } = walk(text)
        assert.equal(after, text.replaceAll(/octo\/hello(?!2)/g, 'octo/greet'))
      },
    ),
    { numRuns: 30 },
  )
})

test('rename in the file › an order that is none is refused', () => {
  for (const order of [
    'octo/a',
    'octo/a=octo/a',
    'a=b',
    'octo/*=octo/b',
    'x/y=z/w=1',
    'a b/c=d/e',
    '*/a=*/b',
  ]) {
    assert.throws(() => readOrder(order), { code: 'cli_usage' }, order)
  }
  assert.throws(() => readOrder('a/*=b/*', { newId: '1' }), { code: 'cli_usage' })
})

test('rename in the file › one name at two CI servers asks which', () => {
  const other = flow('octo/hello').replace('main,', 'two,')
  const text = head + entry('publish', `\n      - ${flow('octo/hello')}\n      - ${other}\n`)
  const policy = parsePolicy(text)
  assert.throws(() => findRenames(policy, readOrder('octo/hello=octo/b')), {
    code: 'cli_usage',
    message: /main, two: choose one with --instance/,
  })
  const renames = findRenames(policy, readOrder('octo/hello=octo/b', { instance: 'two' }))
  assert.deepEqual(
    renames.map(({ instance }) => instance),
    ['two'],
  )
})
