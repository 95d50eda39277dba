import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { judgeCall } from './condition-verdict.ts'
import { parseCondition } from './condition.ts'
import { containersAction } from './role-definitions.ts'

const [read, write] = [`${containersAction}/blobs/read`, `${containersAction}/blobs/write`]
const name = `@Resource[${containersAction}:name] StringEquals 'c'`
const path = `@Resource[${containersAction}/blobs:path] StringStartsWith`
const prefix = `@Request[${containersAction}/blobs:prefix] StringStartsWith`

// Read all, list below a/, write below a/b/.
const text = `((!(ActionMatches{'${read}'} AND SubOperationMatches{'Blob.List'})) OR (${name} AND ${prefix} 'a/'))
AND ((!(ActionMatches{'${write}'})) OR (${name} AND ${path} 'a/b/'))`

function judge(
  condition: string,
  action: string,
  at: string,
  more: { isList?: boolean; container?: string } = {},
): boolean | undefined {
  const tree = parseCondition(condition)
  assert.ok(typeof tree !== 'string')
  return judgeCall(tree, { action, path: at, isList: false, container: 'c', ...more })
}

describe('verdict of a condition', () => {
  test('differs for reading, listing and writing', () => {
    assert.equal(judge(text, read, 'x'), true)
    assert.equal(judge(text, read, 'x', { isList: true }), false)
    assert.equal(judge(text, read, 'a/x', { isList: true }), true)
    assert.equal(judge(text, write, 'a/x'), false)
    assert.equal(judge(text, write, 'a/b/x'), true)
    assert.equal(judge(text, write, 'A/b/x'), false)
    assert.equal(judge(text, write, 'a/b/x', { container: 'd' }), false)
  })

  test('is open where it hangs on what the lab does not keep', () => {
    const other = "@Principal[x] StringEquals 'y'"
    assert.equal(judge(other, read, 'a'), undefined)
    assert.equal(judge(`NOT (${other})`, read, 'a'), undefined)
    assert.equal(judge(`${other} OR ${path} 'a'`, read, 'a'), true)
    assert.equal(judge(`${other} AND ${path} 'b'`, read, 'a'), false)
    assert.equal(judge(`${other} AND ${path} 'a'`, read, 'a'), undefined)
    assert.equal(judge(`${prefix} 'a'`, read, 'a'), undefined)
    assert.equal(judge(path.replace('StartsWith', 'Like') + " 'a*'", read, 'a'), undefined)
  })
})
