// Merkle trees against the naive definition of RFC 9162 §2.1.1 and the known roots of Certificate
// Transparency's reference implementation.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import * as fc from 'fast-check'

import {
  createProvingTree,
  emptyFrontier,
  extend,
  hashLeaf,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts'

// Leaves and roots of the first one to eight of them, as in every implementation of RFC 6962.
const inputs = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

const leaves = fc.array(fc.uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 70 })
const leavesOf = (data: readonly Uint8Array[]) =>
  data.map((bytes) => hashLeaf(Buffer.from(bytes).toString('hex')))

/** The definition, word for word. */
function naiveRoot(data: readonly Uint8Array[]): Buffer {
  const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
  if (data.length === 0) return sha()
  if (data.length === 1) return sha(Buffer.of(0), data[0] ?? Buffer.of())
  let split = 1
  while (split * 2 < data.length) split *= 2
  return sha(Buffer.of(1), naiveRoot(data.slice(0, split)), naiveRoot(data.slice(split)))
}

test('merkle › gives the roots that Certificate Transparency gives', () => {
  assert.equal(
    rootOf(emptyFrontier),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  )
  const hashes = inputs.map((input) => hashLeaf(input))
  for (const [index, root] of roots.entries()) {
    const some = hashes.slice(0, index + 1)
    assert.equal(rootOf(extend(emptyFrontier, some)), root)
    assert.equal(createProvingTree(emptyFrontier, some).root(index + 1), root)
  }
})

test('merkle › agrees with the definition, in whatever portions leaves are added', () => {
  fc.assert(
    fc.property(leaves, fc.nat(), (data, cut) => {
      const hashes = leavesOf(data)
      const at = cut % (hashes.length + 1)
      const inTwo = extend(extend(emptyFrontier, hashes.slice(0, at)), hashes.slice(at))
      assert.equal(rootOf(inTwo), naiveRoot(data).toString('hex'))
      assert.deepEqual(inTwo, extend(emptyFrontier, hashes))
    }),
  )
})

test('merkle › proves every leaf behind any boundary, and no other leaf in its place', () => {
  fc.assert(
    fc.property(leaves, fc.nat(), fc.nat(), fc.nat(), (data, one, two, three) => {
      const hashes = leavesOf(data)
      const boundary = one % hashes.length
      const begin = extend(emptyFrontier, hashes.slice(0, boundary))
      const tree = createProvingTree(begin, hashes.slice(boundary))
      const index = boundary + (two % (hashes.length - boundary))
      const size = index + 1 + (three % (hashes.length - index))
      const root = naiveRoot(data.slice(0, size)).toString('hex')
      const proof = tree.proveInclusion(index, size)
      const leaf = hashes[index] ?? ''
      assert.equal(tree.root(size), root)
      assert.ok(verifyInclusion({ index, size, root }, leaf, proof))
      assert.ok(!verifyInclusion({ index, size, root }, hashLeaf('ff'.repeat(9)), proof))
      assert.ok(!verifyInclusion({ index, size, root }, leaf, [...proof, leaf]))
      if (proof.length > 0) {
        assert.ok(!verifyInclusion({ index, size, root }, leaf, proof.slice(1)))
      }
    }),
  )
})

test('merkle › proves that a tree begins with an older one, and with no other', () => {
  fc.assert(
    fc.property(leaves, fc.nat(), fc.nat(), (data, one, two) => {
      const hashes = leavesOf(data)
      const tree = createProvingTree(emptyFrontier, hashes)
      const size = 1 + (one % hashes.length)
      const olderSize = 1 + (two % size)
      const older = { size: olderSize, root: naiveRoot(data.slice(0, olderSize)).toString('hex') }
      const newer = { size, root: naiveRoot(data.slice(0, size)).toString('hex') }
      const proof = tree.proveConsistency(olderSize, size)
      assert.ok(verifyConsistency(older, newer, proof))
      assert.ok(!verifyConsistency({ ...older, root: hashLeaf('aa') }, newer, proof))
      assert.ok(!verifyConsistency(older, { ...newer, root: hashLeaf('aa') }, proof))
      if (proof.length > 0) assert.ok(!verifyConsistency(older, newer, proof.slice(0, -1)))
    }),
  )
})

test('merkle › knows nothing of single leaves before its boundary', () => {
  const hashes = inputs.map((input) => hashLeaf(input))
  const tree = createProvingTree(extend(emptyFrontier, hashes.slice(0, 4)), hashes.slice(4))
  assert.throws(() => tree.proveInclusion(2, 8), RangeError)
  assert.throws(() => tree.proveInclusion(8, 9), RangeError)
  assert.throws(() => tree.proveInclusion(8, 8), RangeError)
})
