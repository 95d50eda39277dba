// When a review says that the signing key is to be replaced.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { KeysAnswer } from './admin-api.ts'
import { keyNoticeDays, reviewKeys } from './review-keys.ts'

const now = new Date('2026-11-23T12:00:00Z')
const inDays = (days: number) => new Date(now.getTime() + days * 86_400_000).toISOString()
const active = (days: number): KeysAnswer['keys'][number] => ({
  kid: 'k1',
  state: 'active',
  createdAt: inDays(-90),
  rotatesAt: inDays(days),
})
const next: KeysAnswer['keys'][number] = { kid: 'k2', state: 'next', createdAt: inDays(-1) }

const rows: [title: string, keys: KeysAnswer['keys'], says: RegExp | undefined][] = [
  ['a key with weeks to go', [active(keyNoticeDays + 0.01)], undefined],
  ['a key near its date', [active(keyNoticeDays)], /replaced on 2026-12-07, and no next key/],
  ['a key near its date with a next one', [active(1), next], undefined],
  ['a key at its date', [active(0)], /was to be replaced on 2026-11-23, and still signs/],
  ['a key past its date with a next one', [active(-1), next], /on 2026-11-22, and still signs/],
  ['no key that signs', [next], /has no key that signs/],
]

for (const [title, keys, says] of rows) {
  test(`trust review › ${title} is ${says ? 'told' : 'in order'}`, () => {
    const found = reviewKeys({ keys }, now)
    assert.deepEqual(
      found.map(({ code }) => code),
      says ? ['review_key_due'] : [],
    )
    if (says) assert.match(found[0]?.message ?? '', says)
  })
}
