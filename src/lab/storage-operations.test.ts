import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { classifyOperation, isKeyBased, parseTarget, readDelegation } from './storage-operations.ts'

describe('storage operations', () => {
  test('names survive being encoded into a path', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !text.includes('\\'))
    fc.assert(
      fc.property(name, (blob) => {
        const target = parseTarget(`/account/box/${encodeURIComponent(blob)}?comp=x`)
        assert.deepEqual(target, { account: 'account', container: 'box', blob })
      }),
    )
  })

  const paths = [
    { url: '/a', target: { account: 'a', container: '', blob: '' } },
    { url: '/a/', target: { account: 'a', container: '', blob: '' } },
    { url: '/a/c/', target: { account: 'a', container: 'c', blob: '' } },
    { url: '/a%2Fc%2Fb', target: { account: 'a', container: 'c', blob: 'b' } },
    { url: '/a/c/x%5Cy', target: { account: 'a', container: 'c', blob: 'x/y' } },
    { url: '//a/c', target: { account: '', container: 'a', blob: 'c' } },
    { url: '/a/c/%', target: undefined },
    { url: '/a/c/secret#', target: undefined },
    { url: '/a/c/sp ace', target: undefined },
    { url: 'https://a/c', target: undefined },
  ]
  for (const { url, target } of paths) {
    test(`${url} is ${JSON.stringify(target) ?? 'refused'}`, () => {
      assert.deepEqual(parseTarget(url), target)
    })
  }

  const calls = [
    { method: 'GET', url: '/a/c/b', name: 'GetBlob' },
    { method: 'HEAD', url: '/a/c/b', name: 'GetBlobProperties' },
    { method: 'PUT', url: '/a/c/b?comp=block&blockid=AA%3D%3D', name: 'PutBlock' },
    { method: 'PUT', url: '/a/c/b?comp=blocklist', name: 'PutBlockList' },
    { method: 'DELETE', url: '/a/c/b', name: 'DeleteBlob' },
    { method: 'DELETE', url: '/a/c?restype=container', name: 'DeleteContainer' },
    { method: 'GET', url: '/a/c?restype=container&comp=list&prefix=x', name: 'ListBlobs' },
    { method: 'GET', url: '/a?comp=list', name: 'ListContainers' },
    { method: 'GET', url: '/a/c/b?comp=blocklist&blocklisttype=all', name: 'GetBlockList' },
    {
      method: 'POST',
      url: '/a/?restype=service&comp=userdelegationkey',
      name: 'GetUserDelegationKey',
    },
    { method: 'GET', url: '/a/c/b?sp=r&skoid=o&sktid=t&sig=x', name: 'GetBlob' },
    { method: 'GET', url: '/a/c/b?sp=r&skoid=o&sktid=t', name: undefined },
    { method: 'GET', url: '/a/c/b?sp=r&skoid=o&sktid=t&sig=x&sip=1', name: undefined },
    { method: 'DELETE', url: '/a/c', name: undefined },
    { method: 'PUT', url: '/a/c/b?comp=', name: undefined },
    { method: 'PUT', url: '/a/c/b?comp=copy', name: undefined },
    { method: 'GET', url: '/a/c/b?Comp=tags', name: undefined },
    { method: 'GET', url: '/a/c?restype=container&comp=list&comp=acl', name: undefined },
    { method: 'PATCH', url: '/a/c/b', name: undefined },
  ]
  for (const { method, url, name } of calls) {
    test(`${method} ${url} is ${name ?? 'in no table'}`, () => {
      const target = parseTarget(url) ?? assert.fail()
      assert.equal(classifyOperation(target, { method, url, headers: {} })?.name, name)
    })
  }

  test('a listing with tags needs the right to read tags', () => {
    const url = '/a/c?restype=container&comp=list&include=metadata,tags'
    const target = parseTarget(url) ?? assert.fail()
    const operation = classifyOperation(target, { method: 'GET', url, headers: {} })
    assert.deepEqual(operation?.actions, ['containers/blobs/read', 'containers/blobs/tags/read'])
  })

  test('a user delegation SAS is not the account key, unless a header stands beside it', () => {
    const url = '/a/c/b?sp=r&skoid=o&sktid=t&sig=x'
    assert.deepEqual(readDelegation(url, ''), { objectId: 'o', tenantId: 't', signature: 'x' })
    assert.ok(!isKeyBased(url, ''))
    assert.ok(isKeyBased(url, 'Bearer x'))
    assert.ok(isKeyBased('/a/c/b?sp=r&skoid=o&sktid=t&sig=x&sig=y', ''))
  })

  test('a signature in the query or a shared key counts as the account key', () => {
    assert.ok(isKeyBased('/a/c/b?sp=r&sig=x', ''))
    assert.ok(isKeyBased('/a/c/b?SIG=x', ''))
    assert.ok(isKeyBased('/a/c/b', 'SharedKeyLite a:b'))
    assert.ok(!isKeyBased('/a/c/sig=x', 'Bearer x'))
  })
})
