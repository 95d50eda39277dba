// The policy's repositories against those of the CI servers.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parsePolicy } from '../policy/schema.ts'
import { trustExample, withChanges } from './policy.fixture.ts'
import {
  nameRepositories,
  reviewRepositories,
  type NamedRepository,
  type SeenRepositories,
} from './review-repositories.ts'

const tenantId = '11111111-2222-4333-8444-555555555555'
const named = (uid: string, slug: string, instance = 'main'): NamedRepository => ({
  instance,
  uid,
  slug,
  path: [slug],
})
const seen = (...list: [uid: string, slug: string][]): SeenRepositories => ({
  repositories: list.map(([uid, slug]) => ({ uid, slug, isActive: true })),
  isWhole: true,
})
const codes = (list: NamedRepository[], asked: SeenRepositories) =>
  reviewRepositories(list, new Map([['main', asked]])).map(({ code, path }) => [code, path[0]])

test('trust review › names each repository of the policy once, where it stands first', () => {
  const list = nameRepositories(parsePolicy(trustExample), tenantId.toUpperCase())
  assert.deepEqual(list, [
    {
      instance: 'main',
      uid: '42',
      slug: 'octo/hello',
      path: ['policies', 0, 'subjects', 0, 'repository'],
    },
  ])
})

test('trust review › names none of the repositories of another tenant', () => {
  const other = '22222222-2222-4333-8444-555555555555'
  const policy = parsePolicy(
    withChanges([`readers: { tenant_id: ${tenantId}`, `readers: { tenant_id: ${other}`]),
  )
  assert.deepEqual(
    nameRepositories(policy, other).map(({ path }) => path[1]),
    [1],
  )
  assert.deepEqual(nameRepositories(policy, '33333333-2222-4333-8444-555555555555'), [])
})

test('trust review › of a name that went to another repository tells both what is there and where ours went', () => {
  assert.deepEqual(codes([named('1', 'a/b')], seen(['1', 'a/c'], ['2', 'a/b'])), [
    ['review_repository_replaced', 'a/b'],
    ['review_repository_renamed', 'a/b'],
  ])
})

test('trust review › says nothing in the middle of a rename that was announced, before and after it', () => {
  const both = [named('1', 'a/old'), named('1', 'a/new')]
  assert.deepEqual(codes(both, seen(['1', 'a/old'])), [])
  assert.deepEqual(codes(both, seen(['1', 'a/new'])), [])
  assert.deepEqual(codes(both, seen(['1', 'a/new'], ['2', 'a/old'])), [
    ['review_repository_replaced', 'a/old'],
    ['review_repository_renamed', 'a/old'],
  ])
})

test('trust review › tells letter case: trust is compared letter by letter', () => {
  assert.deepEqual(codes([named('1', 'a/b')], seen(['1', 'A/b'])), [
    ['review_repository_renamed', 'a/b'],
  ])
})

test('trust review › one server does not answer for another', () => {
  const asked = new Map([
    ['main', seen(['1', 'a/b'])],
    ['other', seen()],
  ])
  const found = reviewRepositories([named('1', 'a/b'), named('1', 'a/b', 'other')], asked)
  assert.deepEqual(
    found.map(({ code, message }) => [code, message]),
    [['review_repository_gone', 'There is no repository a/b (1) in "other".']],
  )
})

test('trust review › of many that are hidden names five and counts the rest', () => {
  const list = Array.from({ length: 9 }, (_, index) => named(`${index}`, `a/r${index}`))
  const found = reviewRepositories(
    list,
    new Map([['main', { ...seen(['0', 'a/r0']), isWhole: false }]]),
  )
  assert.equal(found.length, 1)
  assert.match(
    found[0]?.message ?? '',
    /not show 8 of 9 .*: a\/r1, a\/r2, a\/r3, a\/r4, a\/r5, and 3 more\.$/,
  )
})
