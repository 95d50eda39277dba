// Policy files made to hurt: each is refused before anything is built from it, and soon.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Fault } from '../core/fault.ts'
import { fullExample } from './example.fixture.ts'
import { parsePolicy } from './schema.ts'

const size = 1024 * 1024 - 1
const fill = (part: string) => part.repeat(Math.floor(size / part.length))
const many = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n')

const bombs: [name: string, text: string, says: RegExp][] = [
  ['deep lists', fill('['), /nested/],
  ['deep maps', fill('{a: '), /nested/],
  ['deep dashes', fill('- '), /nested/],
  ['deep question marks', fill('? '), /nested/],
  ['deep colons', fill(': '), /nested/],
  ['deep indents', many(1400, (index) => `${' '.repeat(index)}a:`), /nested/],
  ['closing brackets', fill(']'), /never opened/],
  ['commas', `[${'x,,'.repeat(300_000)}]`, /two commas/],
  ['quotes', fill('"'), /right after/],
  ['many keys', many(80_000, (index) => `k${index}:`), /more than 2000 keys/],
  ['many keys in braces', `{${many(80_000, (index) => `k${index},`)}}`, /more than 2000 keys/],
  ['anchors', many(60_000, (index) => `- &a${index} x`), /more than 1000/],
  ['aliases', `a: &a x\nb:\n${'- *a\n'.repeat(90_000)}`, /more than 1000/],
  ['few aliases of much', `a: &a [${'x,'.repeat(999)}]\nb: [${'*a,'.repeat(900)}]`, /./],
  [
    'aliases of aliases',
    many(30, (n) => `a${n}: &a${n} [${n === 0 ? 'x' : `*a${n - 1},`.repeat(9)}]`),
    /alias/,
  ],
  ['documents', fill('---\n'), /more than 4/],
  ['directives', fill('%A b\n'), /more than 4/],
  ['tags', fill('!a '), /more than 1000/],
  ['escapes', `"${'\\q'.repeat(400_000)}"`, /longer than/],
  ['one long word', fill('x'), /longer than/],
  ['line feeds', fill('\n'), /more than 500000/],
  ['one byte too much', `#${'x'.repeat(size)}\n`, /larger than 1048576 bytes/],
  ['as many bytes in fewer signs', `#${'é'.repeat(size / 2)}xxx`, /larger than 1048576 bytes/],
  ['YAML 1.1', `%YAML 1.1\n---\n${fullExample}`, /YAML 1\.2/],
  ['a second document', `${fullExample}---\n${fullExample}`, /second document/],
  ['a key that is a map', `${fullExample}? {a: b}\n: c\n`, /unknown key/],
  ['a key that moves the cursor', `${fullExample}"\\e[2J\\nversion": 1\n`, /unknown key/],
]

for (const [name, text, says] of bombs) {
  test(`policy bomb › of ${name} is refused soon, in few words`, () => {
    const started = performance.now()
    assert.throws(
      () => parsePolicy(text),
      (error: Fault) => {
        assert.equal(error.code, 'config_invalid')
        assert.match(error.message, says)
        assert.ok(error.message.length < 60_000)
        // Line feeds are ours alone, other control characters nobody's.
        assert.doesNotMatch(error.message, /[^\n\P{Cc}]/u)
        return true
      },
    )
    assert.ok(performance.now() - started < 5000)
  })
}

test('policy bomb › an honest file of 2,000 entries is no bomb', () => {
  const entry = fullExample.slice(fullExample.indexOf('  - name: cache'))
  const text = fullExample + many(2000, (index) => entry.replace('name: cache', `name: c${index}`))
  assert.equal(parsePolicy(text).entries.size, 2002)
})

test('policy file › tells at most 500 mistakes one by one, and counts them all', () => {
  const text = `${fullExample}${many(900, (index) => `x${index}: 1`)}\n`
  assert.throws(() => parsePolicy(text), {
    message: /has 900 problem\(s\).*and so on$/s,
  })
})
