import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
} from '@azure/storage-blob'
import * as fc from 'fast-check'

import { signLink } from './link.ts'

const key = {
  objectId: '11111111-1111-4111-8111-111111111111',
  tenantId: '22222222-2222-4222-8222-222222222222',
  startsAt: '2026-11-23T10:00:00Z',
  expiresAt: '2026-11-23T11:00:00Z',
  service: 'b',
  version: '2026-02-06',
  value: Buffer.alloc(32, 7).toString('base64'),
}
const address = {
  origin: new URL('https://acct.blob.core.windows.net'),
  pathPrefix: '',
  container: 'site',
}
const times = { from: '2026-11-23T10:00:00Z', to: '2026-11-23T10:30:00Z' }

function signBySdk(name: string): URLSearchParams {
  const sas = generateBlobSASQueryParameters(
    {
      containerName: 'site',
      blobName: name,
      permissions: BlobSASPermissions.parse('r'),
      startsOn: new Date(times.from),
      expiresOn: new Date(times.to),
      protocol: SASProtocol.Https,
      version: '2022-11-02',
    },
    {
      signedObjectId: key.objectId,
      signedTenantId: key.tenantId,
      signedStartsOn: new Date(key.startsAt),
      signedExpiresOn: new Date(key.expiresAt),
      signedService: key.service,
      signedVersion: key.version,
      value: key.value,
    },
    'acct',
  )
  return new URLSearchParams(sas.toString())
}

function sorted(query: URLSearchParams): string {
  query.sort()
  return query.toString()
}

describe('a link to a blob', () => {
  it('is signed as the Azure SDK signs it, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        const ours = new URLSearchParams(signLink(key, address, name, times))
        assert.equal(sorted(ours), sorted(signBySdk(name)))
      }),
    )
  })

  it('is for one blob, for reading, over https', () => {
    const query = new URLSearchParams(signLink(key, address, 'a b', times))
    const { sr, sp, spr, se } = Object.fromEntries(query)
    assert.deepEqual({ sr, sp, spr, se }, { sr: 'b', sp: 'r', spr: 'https', se: times.to })
  })

  it('names the account of a path-style endpoint', () => {
    const pathStyle = { ...address, origin: new URL('https://localhost:1'), pathPrefix: '/acct' }
    assert.equal(signLink(key, pathStyle, 'x', times), signLink(key, address, 'x', times))
  })
})
