// Mistakes with their places, grants with their enforcers, and the published JSON Schema.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { parse } from 'yaml'
import * as z from 'zod'

import type { Fault } from '../core/fault.ts'
import { fullExample, mistakes, withMistake } from './example.fixture.ts'
import { toJsonSchema } from './file-form.ts'
import { closeVerbs, findEnforcer, type Verb } from './grant.ts'
import { findRole } from './roles.ts'
import { parsePolicy } from './schema.ts'

const schemaFile = 'schemas/policy.v1.schema.json'
const schema = z.fromJSONSchema(JSON.parse(readFileSync(schemaFile, 'utf8')))

test('policy file › with everything in it is read, grants with who enforces them', () => {
  const policy = parsePolicy(fullExample)
  const publish = policy.entries.get('publish')
  assert.deepEqual(
    publish?.grants.map(({ id, container, enforcedBy }) => [id, container, enforcedBy]),
    [
      ['out', 'builds', 'abac'],
      ['all', '$web', 'rbac'],
      ['share', 'tools', 'rbac'],
    ],
  )
  assert.deepEqual(
    [publish?.mode, publish?.subjectForm, publish?.isDirect, publish?.lifetimeSeconds],
    ['enforce', 'policy', true, 300],
  )
  assert.equal(policy.entries.get('cache')?.mode, 'audit')
})

for (const mistake of mistakes) {
  test(`policy file › with ${mistake.name} is refused where it stands`, () => {
    const text = withMistake(mistake)
    assert.notEqual(text, fullExample)
    const line = text.slice(0, fullExample.indexOf(mistake.from)).split('\n').length
    assert.throws(
      () => parsePolicy(text),
      (error: Fault) => {
        assert.equal(error.code, 'config_invalid')
        assert.match(error.message, mistake.says)
        const found = [...error.message.matchAll(/line (\d+), column \d+/g)].map(([, at]) =>
          Number(at),
        )
        // The mistake may lie in what the changed words no longer agree with, at most six lines away.
        assert.ok(
          found.some((at) => Math.abs(at - line) <= 6),
          `${found.join()} for ${line}`,
        )
        return true
      },
    )
  })

  test(`policy schema › ${mistake.isForm ? 'sees' : 'cannot see'} ${mistake.name}`, () => {
    assert.equal(schema.safeParse(parse(withMistake(mistake))).success, !mistake.isForm)
  })
}

test('policy schema › is the one the loader checks with (node bin/generate.ts)', () => {
  assert.deepEqual(JSON.parse(readFileSync(schemaFile, 'utf8')), toJsonSchema())
})

test('policy schema › accepts the full example and describes every key in it', () => {
  assert.ok(schema.safeParse(parse(fullExample)).success)
  const bare: string[] = []
  const visit = (node: unknown, name: string): void => {
    if (typeof node !== 'object' || node === null) return
    if ('properties' in node) {
      for (const [key, value] of Object.entries(node.properties as object)) {
        if (!(value as { description?: string }).description) bare.push(`${name}.${key}`)
      }
    }
    for (const [key, value] of Object.entries(node)) visit(value, key)
  }
  visit(toJsonSchema(), '')
  assert.deepEqual(bare, [])
})

test('policy file › names line and column exactly', () => {
  const places: [from: string, to: string, at: string][] = [
    ['mode: audit', 'mode: adit', 'line 23, column 11'],
    ['mode: audit', 'moode: audit', 'line 23, column 5'],
    ['    identity: cache\n', '', 'line 22, column 5'],
    ['  cache: {', '  Cache: {', 'line 6, column 3'],
    ['version: 1', 'version: 2', 'line 1, column 10'],
    ['share: tools', 'share: to', 'line 21, column 62'],
  ]
  for (const [from, to, at] of places) {
    assert.throws(
      () => parsePolicy(fullExample.replace(from, to)),
      (error: Fault) => error.message.includes(at) || assert.fail(`${at} in ${error.message}`),
    )
  }
})

test('policy file › points behind an alias at what it stands for', () => {
  const text = fullExample
    .replace('audiences: [api://AzureADTokenExchange]', 'audiences: &a [""]')
    .replace(/audiences: \[api.*\n$/, 'audiences: *a\n')
  assert.throws(
    () => parsePolicy(text),
    /line 16, column 20: policies\[0\].*line 16, column 20: policies\[1\]/s,
  )
})

test('policy file › mistakes of form and of meaning are reported together', () => {
  const text = fullExample
    .replace('version: 1', 'version: 3')
    .replace('identity: cache', 'identity: nobody')
    .replace('mode: enforce', 'mode: enforced')
    .replace('id: all', 'id: out')
  assert.throws(() => parsePolicy(text), {
    message: /has 4 problem\(s\).*must be 1.*"enforced".*used twice.*"nobody"/s,
  })
})

test('policy file › entries of one identity subject must agree on their class', () => {
  const shared = fullExample
    .replace('subject: policy', 'subject: identity')
    .replace('identity: cache', 'identity: artifacts\n    subject: identity')
  const agreed = shared.replace('events: [push, tag]', 'events: [push]')
  assert.equal(parsePolicy(agreed).entries.get('cache')?.subjectForm, 'identity')
  assert.throws(
    () => parsePolicy(agreed.replace('[push], refs: [refs/**]', '[tag], refs: [refs/**]')),
    {
      message: /identity:artifacts covers the same trust class: this one tag, "publish" push/,
    },
  )
})

test('policy file › what only a gateway enforces loads where one serves it', () => {
  for (const mistake of mistakes) {
    if (!mistake.says.source.includes('only a gateway')) continue
    const policy = parsePolicy(withMistake(mistake), { gatewayServes: true })
    const grants = policy.entries.get('publish')?.grants ?? []
    assert.ok(grants.some(({ enforcedBy }) => enforcedBy === 'gateway'))
  }
})

const enforcers: [
  service: 'blob' | 'file',
  prefix: string,
  verbs: string,
  enforcer: string,
  role: string,
][] = [
  ['blob', '', 'read list', 'rbac', 'Storage Blob Data Reader'],
  ['blob', '', 'read list write delete', 'rbac', 'Storage Blob Data Contributor'],
  ['blob', '', 'write', 'rbac', 'custom: write, action'],
  ['blob', '', 'read list write', 'rbac', 'custom: read, write, action'],
  ['blob', '', 'delete', 'rbac', 'custom: delete'],
  ['blob', '', 'read', 'abac', 'Storage Blob Data Reader'],
  ['blob', '', 'list', 'abac', 'Storage Blob Data Reader'],
  ['blob', 'a/', 'read list', 'abac', 'Storage Blob Data Reader'],
  ['blob', 'a/', 'create', 'gateway', ''],
  ['blob', '', 'read list create delete', 'gateway', ''],
  ['blob', 'a/${build.number}/', 'read list', 'gateway', ''],
  ['file', '', 'read list', 'rbac', 'Storage File Data Privileged Reader'],
  ['file', '', 'read list write delete', 'rbac', 'Storage File Data Privileged Contributor'],
  ['file', '', 'write', 'rbac', 'custom: write, action'],
  ['file', '', 'list', 'gateway', ''],
  ['file', 'a/', 'read list', 'gateway', ''],
]

for (const [service, prefix, words, enforcer, role] of enforcers) {
  test(`grant › ${service} ${prefix || 'whole'} ${words} is enforced by ${enforcer}`, () => {
    const verbs = closeVerbs(words.split(' ').map((word) => `${service}.${word}` as Verb))
    const { enforcedBy } = findEnforcer({ service, prefix, verbs })
    assert.equal(enforcedBy, enforcer)
    const needed = findRole({ service, verbs, enforcedBy })
    const actions = needed?.dataActions.map((action) => action.split('/').at(-1)).join(', ')
    assert.equal(needed ? (needed.builtIn ?? `custom: ${actions}`) : '', role)
  })
}
