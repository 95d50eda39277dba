import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { parseFilesListing, parseRanges } from './listing.ts'

// As the service writes it; recorded sessions of Microsoft's SDKs, shortened.
const recorded = `\uFEFF<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://a.file.core.windows.net/" ShareName="s" DirectoryPath=""><Marker>1!60!Z29-</Marker><MaxResults>5</MaxResults><DirectoryId>0</DirectoryId><Entries><Directory><Name>dir &amp; co</Name><FileId>13835128424026341376</FileId><Properties><LastWriteTime>2025-12-15T11:12:41.1895061Z</LastWriteTime><Last-Modified>Mon, 15 Dec 2025 11:12:41 GMT</Last-Modified><Etag>"0x8DE3BCADD170515"</Etag></Properties><Attributes>Directory</Attributes><PermissionKey>1*2</PermissionKey></Directory><Directory><Name>bare</Name><Properties /></Directory><File><Name Encoded="true">a%EF%BF%BFb</Name><FileId>1</FileId><Properties><Content-Length>2048</Content-Length><LastWriteTime>2025-12-15T11:12:44.4056793Z</LastWriteTime><Last-Modified>Mon, 15 Dec 2025 11:12:44 GMT</Last-Modified><Etag>"0x8"</Etag></Properties></File></Entries><NextMarker>1!60!Z-</NextMarker></EnumerationResults>`

describe('a listing of files', () => {
  it('is read as the service writes it', () => {
    const { entries, nextMarker } = parseFilesListing(Buffer.from(recorded))
    assert.equal(nextMarker, '1!60!Z-')
    assert.deepEqual(entries, [
      {
        base: 'dir & co',
        kind: 'folder',
        id: '13835128424026341376',
        sizeBytes: 0,
        etag: '"0x8DE3BCADD170515"',
        modifiedAtMs: Date.parse('2025-12-15T11:12:41Z'),
        writtenAtMs: Date.parse('2025-12-15T11:12:41.189Z'),
      },
      {
        base: 'bare',
        kind: 'folder',
        id: '',
        sizeBytes: 0,
        etag: '',
        modifiedAtMs: Number.NaN,
        writtenAtMs: Number.NaN,
      },
      {
        base: 'a\uffffb',
        kind: 'file',
        id: '1',
        sizeBytes: 2048,
        etag: '"0x8"',
        modifiedAtMs: Date.parse('2025-12-15T11:12:44Z'),
        writtenAtMs: Date.parse('2025-12-15T11:12:44.405Z'),
      },
    ])
  })

  const wrong = [
    ['no name', recorded.replace('dir &amp; co', '')],
    ['a name that leads elsewhere', recorded.replace('dir &amp; co', '..')],
    ['a name with a slash', recorded.replace('dir &amp; co', 'a/b')],
    ['a size that is none', recorded.replace('2048', '-1')],
    ['a broken encoding', recorded.replace('%EF', '%FF')],
    ['another document', '<html></html>'],
    ['an unfinished document', recorded.slice(0, -20)],
    ['nothing', ''],
  ] as const
  for (const [what, xml] of wrong) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseFilesListing(Buffer.from(xml)), { code: 'azure_storage_refused' })
    })
  }
})

describe('a list of ranges', () => {
  const wrap = (xml: string) => Buffer.from(`\uFEFF<?xml version="1.0" encoding="utf-8"?>${xml}`)

  it('is read as the service writes it', () => {
    const one = '<Range><Start>0</Start><End>2047</End></Range>'
    const two = '<Range><Start>4096</Start><End>8191</End></Range>'
    assert.deepEqual(parseRanges(wrap(`<Ranges>${one}${two}</Ranges>`)), [
      { from: 0, to: 2047 },
      { from: 4096, to: 8191 },
    ])
    assert.deepEqual(parseRanges(wrap('<Ranges />')), [])
  })

  it('is refused when it is something else', () => {
    const odd = wrap('<Ranges><Range><Start>x</Start><End>1</End></Range></Ranges>')
    assert.throws(() => parseRanges(odd), { code: 'azure_storage_refused' })
    assert.throws(() => parseRanges(wrap('<Other />')), { code: 'azure_storage_refused' })
  })
})
