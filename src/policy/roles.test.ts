// Which Azure role a grant takes, for every combination of verbs of both services.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Verb } from './grant.ts'
import { findRole } from './roles.ts'

const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'
const shares = 'Microsoft.Storage/storageAccounts/fileServices'

const blobRoles: [letters: string, builtIn: string | undefined, actions: string[]][] = [
  ['r', 'Storage Blob Data Reader', ['read']],
  ['l', 'Storage Blob Data Reader', ['read']],
  ['w', undefined, ['write', 'add/action']],
  ['d', undefined, ['delete']],
  ['rw', undefined, ['read', 'write', 'add/action']],
  ['rd', undefined, ['read', 'delete']],
  ['wd', undefined, ['write', 'add/action', 'delete']],
  ['rlwd', 'Storage Blob Data Contributor', ['read', 'write', 'add/action', 'delete']],
]
const fileRoles: typeof blobRoles = [
  ['rl', 'Storage File Data Privileged Reader', ['r', 'backup-r']],
  ['w', undefined, ['w', 'backup-w']],
  ['d', undefined, ['d', 'backup-w']],
  ['rw', undefined, ['r', 'backup-r', 'w', 'backup-w']],
  ['rd', undefined, ['r', 'backup-r', 'd', 'backup-w']],
  ['wd', undefined, ['w', 'd', 'backup-w']],
  ['rlwd', 'Storage File Data Privileged Contributor', ['r', 'backup-r', 'w', 'd', 'backup-w']],
]
const fileActions: Record<string, string> = {
  r: `${shares}/fileshares/files/read`,
  w: `${shares}/fileshares/files/write`,
  d: `${shares}/fileshares/files/delete`,
  'backup-r': `${shares}/readFileBackupSemantics/action`,
  'backup-w': `${shares}/writeFileBackupSemantics/action`,
}

const words: Record<string, string> = { r: 'read', l: 'list', w: 'write', d: 'delete' }
const verbsOf = (service: 'blob' | 'file', letters: string) =>
  letters.split('').map((letter) => `${service}.${words[letter] ?? ''}` as Verb)

for (const [letters, builtIn, actions] of blobRoles) {
  test(`roles › blob ${letters} takes ${builtIn ?? 'a custom role'}`, () => {
    const verbs = verbsOf('blob', letters)
    assert.deepEqual(findRole({ service: 'blob', verbs, enforcedBy: 'rbac' }), {
      builtIn,
      dataActions: actions.map((action) => `${blobs}/${action}`),
      nearest: builtIn ?? 'Storage Blob Data Contributor',
      excess: '',
    })
  })
}

for (const [letters, builtIn, actions] of fileRoles) {
  test(`roles › file ${letters} takes ${builtIn ?? 'a custom role'}`, () => {
    const verbs = verbsOf('file', letters)
    const role = findRole({ service: 'file', verbs, enforcedBy: 'rbac' })
    assert.deepEqual(
      [role?.builtIn, role?.nearest, role?.dataActions],
      [
        builtIn,
        builtIn ?? 'Storage File Data Privileged Contributor',
        actions.map((action) => fileActions[action]),
      ],
    )
    assert.equal(role?.excess !== '', builtIn !== undefined)
  })
}

test('roles › what only a gateway enforces takes none', () => {
  assert.equal(
    findRole({ service: 'blob', verbs: ['blob.read'], enforcedBy: 'gateway' }),
    undefined,
  )
})
