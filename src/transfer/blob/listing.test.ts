import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { parseListing } from './listing.ts'

const page = (blobs: string, marker = '<NextMarker />') =>
  `\ufeff<?xml version="1.0" encoding="utf-8"?>\n<EnumerationResults ServiceEndpoint="https://a.blob.core.windows.net/" ContainerName="c"><Prefix>p&amp;</Prefix><Blobs>${blobs}</Blobs>${marker}</EnumerationResults>`

const blob = (name: string, more = '', attributes = '') =>
  `<Blob><Name${attributes}>${name}</Name><Properties><Etag>0x1</Etag><Content-Length>7</Content-Length><Content-MD5>abc=</Content-MD5><BlobType>BlockBlob</BlobType>${more}</Properties><OrMetadata /></Blob>`

describe('the listing of a container', () => {
  it('gives names, sizes, checksums and the next page', () => {
    const { entries, nextMarker } = parseListing(
      page(blob('a') + blob('b/c'), '<NextMarker>2!8!x--</NextMarker>'),
    )
    assert.deepEqual(entries[0], { name: 'a', sizeBytes: 7, contentMd5: 'abc=', isFolder: false })
    assert.equal(entries[1]?.name, 'b/c')
    assert.equal(nextMarker, '2!8!x--')
  })

  it('tells folders of a hierarchical account and marker blobs from files', () => {
    const marker = `<Blob><Name>m</Name><Properties><Content-Length>0</Content-Length></Properties><Metadata><hdi_isfolder>true</hdi_isfolder></Metadata></Blob>`
    const { entries } = parseListing(
      page(blob('d', '<ResourceType>directory</ResourceType>') + marker + blob('f')),
    )
    assert.deepEqual(
      entries.map((entry) => entry.isFolder),
      [true, true, false],
    )
  })

  it('decodes names that XML cannot carry', () => {
    const { entries } = parseListing(page(blob('a%EF%BF%BE%25', '', ' Encoded="true"')))
    assert.equal(entries[0]?.name, 'a\ufffe%')
  })

  it('reads any name back from its escaped form', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), (name) => {
        const escaped = Array.from(name)
          .map((character) =>
            /[\w.]/.test(character) ? character : `&#x${character.codePointAt(0)?.toString(16)};`,
          )
          .join('')
        assert.equal(parseListing(page(blob(escaped))).entries[0]?.name, name)
      }),
    )
  })

  const wrong = {
    'a page of HTML': '<html><br></html>',
    nothing: '',
    'a document type': '<!DOCTYPE x [<!ENTITY a "b">]><EnumerationResults/>',
    'an unknown entity': page(blob('&evil;')),
    'a bare ampersand': page(blob('a & b')),
    'a cut document': page(blob('a')).slice(0, -30),
    'crossed tags': page('<Blob><Name></Blob></Name>'),
    'two roots': '<a/><b/>',
    'a blob without a name': page('<Blob></Blob>'),
  }
  for (const [what, xml] of Object.entries(wrong)) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseListing(xml), { code: 'azure_storage_refused' })
    })
  }

  it('never throws anything but a fault', () => {
    const noise = fc.array(
      fc.constantFrom('<', '>', '/', '&', ';', '#x41', 'Blob', 'Name', '"', ' ', '!'),
    )
    fc.assert(
      fc.property(noise, (parts) => {
        try {
          parseListing(parts.join(''))
        } catch (error) {
          assert.ok(error instanceof Fault)
        }
      }),
    )
  })
})
