import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { parseListing as parse } from './listing.ts'

const parseListing = (xml: string) => {
  const { entries, nextMarker } = parse(Buffer.from(xml))
  return { entries: [...entries].flat(), nextMarker }
}

const page = (blobs: string, marker = '<NextMarker />') =>
  `\ufeff<?xml version="1.0" encoding="utf-8"?>\n<EnumerationResults ServiceEndpoint="https://a.blob.core.windows.net/" ContainerName="c"><Prefix>p&amp;</Prefix><Blobs>${blobs}</Blobs>${marker}</EnumerationResults>`

const blob = (name: string, more = '', attributes = '') =>
  `<Blob><Name${attributes}>${name}</Name><Properties><Etag>0x1</Etag><Content-Length>7</Content-Length><Content-MD5>abc=</Content-MD5><BlobType>BlockBlob</BlobType>${more}</Properties><OrMetadata /></Blob>`

describe('the listing of a container', () => {
  it('gives names, sizes, checksums and the next page', () => {
    const { entries, nextMarker } = parseListing(
      page(blob('a') + blob('b/c'), '<NextMarker>2!8!x--</NextMarker>'),
    )
    assert.deepEqual(entries[0], {
      name: 'a',
      kind: 'file',
      sizeBytes: 7,
      etag: '"0x1"',
      modifiedAtMs: 0,
      digests: { md5: 'abc=' },
      properties: { contentType: '', metadata: {}, tags: {} },
      attributes: {},
    })
    assert.equal(entries[1]?.name, 'b/c')
    assert.equal(nextMarker, '2!8!x--')
  })

  it('tells folders of a hierarchical account and marker blobs from files', () => {
    const marker = `<Blob><Name>m</Name><Properties><Content-Length>0</Content-Length></Properties><Metadata><hdi_isfolder>true</hdi_isfolder></Metadata></Blob>`
    const { entries } = parseListing(
      page(blob('d', '<ResourceType>directory</ResourceType>') + marker + blob('f')),
    )
    assert.deepEqual(
      entries.map((entry) => entry.kind),
      ['folder', 'folder', 'file'],
    )
  })

  it('gives properties, digests and attributes, and keeps our metadata apart from theirs', () => {
    const properties =
      '<Last-Modified>Mon, 23 Nov 2026 10:00:00 GMT</Last-Modified><Content-Type>text/css; charset=utf-8</Content-Type><Content-Encoding>gzip</Content-Encoding><Content-Language>de</Content-Language><Cache-Control>no-cache</Cache-Control><Content-Disposition>inline</Content-Disposition><AccessTier>Cool</AccessTier><AccessTierInferred>true</AccessTierInferred>'
    const metadata =
      '<Metadata><Owner>R &amp; D</Owner><asdcrc64>iJl5Cm6UuGg=</asdcrc64><asdsource>AAAAAAAAAAA=</asdsource><asdmode>0755</asdmode><mtime>2024-01-02T03:04:05.678901234Z</mtime><asdwrite>x</asdwrite></Metadata>'
    const { entries } = parseListing(
      page(blob('a', properties).replace('<OrMetadata />', `${metadata}<OrMetadata />`)),
    )
    assert.deepEqual(entries[0], {
      name: 'a',
      kind: 'file',
      sizeBytes: 7,
      etag: '"0x1"',
      modifiedAtMs: Date.UTC(2026, 10, 23, 10),
      digests: { crc64: 'iJl5Cm6UuGg=', md5: 'abc=', sourceCrc64: 'AAAAAAAAAAA=' },
      properties: {
        contentType: 'text/css; charset=utf-8',
        contentEncoding: 'gzip',
        contentLanguage: 'de',
        contentDisposition: 'inline',
        cacheControl: 'no-cache',
        tier: 'Cool',
        metadata: { owner: 'R & D' },
        tags: {},
      },
      attributes: { mode: 0o755, modifiedAtMs: Date.UTC(2024, 0, 2, 3, 4, 5, 678) },
    })
  })

  it('tells kept links, and folders that are empty blobs', () => {
    const link = blob('l').replace(
      '<OrMetadata />',
      '<Metadata><is_symlink>true</is_symlink></Metadata>',
    )
    const folder = blob('f/').replace('>7<', '>0<')
    assert.deepEqual(
      parseListing(page(link + folder + blob('g/'))).entries.map(({ kind }) => kind),
      ['link', 'folder', 'file'],
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

  it('reads a page of many windows, however they are cut', () => {
    const names = Array.from({ length: 3_000 }, (_, at) => `${'x'.repeat(at % 300)} > ${at} é`)
    const { entries, nextMarker } = parseListing(
      page(names.map((name) => blob(name)).join(''), '<NextMarker>next</NextMarker>'),
    )
    assert.deepEqual(
      entries.map(({ name, sizeBytes, etag, digests }) => [name, sizeBytes, etag, digests.md5]),
      names.map((name) => [name, 7, '"0x1"', 'abc=']),
    )
    assert.equal(nextMarker, 'next')
    const long = 'y'.repeat(600_000)
    assert.equal(parseListing(page(blob(long))).entries[0]?.name, long)
  })

  const wrong = {
    'a page of HTML': '<html><br></html>',
    nothing: '',
    'a document type': '<!DOCTYPE x [<!ENTITY a "b">]><EnumerationResults/>',
    'an unknown entity': page(blob('&evil;')),
    'a bare ampersand': page(blob('a & b')),
    'a cut document': page(blob('a')).slice(0, -30),
    'crossed tags': page('<Blob><Name></Blob></Name>'),
    'two roots': '<EnumerationResults/><EnumerationResults/>',
    'another document of the service': '<BlockList></BlockList>',
    'a comment': page(blob('a') + '<!-- b -->'),
    'an entity that nobody asked for': page(blob('a', '<LeaseState>&x;</LeaseState>')),
    'a size that is no number': page(blob('a').replace('>7<', '>7e1<')),
    'a blob without a name': page('<Blob></Blob>'),
    'a marker of another form': page(blob('a')).replace(
      '<NextMarker />',
      '<NextMarker >x</NextMarker>',
    ),
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
