import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'
import { parse } from 'yaml'

import { writeClientIds } from './client-ids.ts'

const tenant = '11111111-2222-4333-8444-555555555555'
const id = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'

// How people write an identity: what stands around its tenant.
const forms: [name: string, write: (tenantId: string) => string][] = [
  ['a block', (it) => `  NAME:\n    tenant_id: ${it}\n`],
  ['a block with a comment', (it) => `  NAME: # who\n    # where\n    tenant_id: ${it}   # ours\n`],
  ['a block with more below', (it) => `  NAME:\n    tenant_id: "${it}"\n    display_name: it\n`],
  ['a block with more above', (it) => `  NAME:\n      display_name: it\n      tenant_id: ${it}\n`],
  ['a flow', (it) => `  NAME: { tenant_id: ${it} }\n`],
  ['a flow with more', (it) => `  NAME: {tenant_id: '${it}',display_name: "a, b"}\n`],
  [
    'a flow of many lines',
    (it) => `  NAME: {\n    tenant_id: ${it},\n    display_name: it,\n  }\n`,
  ],
  ['a flow with quoted keys', (it) => `  NAME: { "tenant_id": ${it} }\n`],
]

describe('client ids', () => {
  test('are put in wherever and however identities are written, and nothing else changes', () => {
    const form = fc.constantFrom(...forms.map(([, write]) => write))
    const line = fc.constantFrom('\n', '\r\n')
    fc.assert(
      fc.property(fc.array(form, { minLength: 1, maxLength: 5 }), line, (writes, eol) => {
        const blocks = writes.map((write, at) => write(tenant).replace('NAME', `id${at}`))
        const text = `# top\nidentities:\n${blocks.join('')}policies: []\n`.replaceAll('\n', eol)
        const ids = new Map(writes.map((_, at) => [`id${at}`, `${id.slice(0, -1)}${at}`]))
        const written = writeClientIds(text, ids)
        const { identities } = parse(written) as { identities: Record<string, object> }
        for (const [name, clientId] of ids) {
          assert.deepEqual(identities[name], {
            ...(parse(text) as { identities: Record<string, object> }).identities[name],
            client_id: clientId,
          })
        }
        const removed = [...ids.values()].reduce(
          (now, each) =>
            now
              .replace(`, client_id: ${each}`, '')
              .replace(RegExp(`\r?\n *client_id: ${each}`), ''),
          written,
        )
        assert.equal(removed, text)
      }),
    )
  })

  test('go in at the end of a file without a last line break', () => {
    const text = `policies: []\nidentities:\n  a:\n    tenant_id: ${tenant}`
    assert.equal(writeClientIds(text, new Map([['a', id]])), `${text}\n    client_id: ${id}`)
  })

  test('are told instead where an identity is not written out', () => {
    const shared = `identities:\n  b: &it { tenant_id: ${tenant} }\n  a: *it\n`
    assert.throws(() => writeClientIds(shared, new Map([['a', id]])), {
      code: 'config_invalid',
      message: new RegExp(`"a": client_id: ${id}`),
    })
    // What it would change in `a` as well.
    assert.throws(() => writeClientIds(shared, new Map([['b', id]])), { code: 'config_invalid' })
  })
})
