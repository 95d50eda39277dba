import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'

import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import type { Digests } from '../transfer/remote.ts'
import { toCardData } from './card.ts'
import { readContext } from './context.ts'
import type { Result } from './result.ts'

// Their own types do not pass our checks.
type Templates = {
  Template: new (template: object) => { expand: (context: { $root: object }) => unknown }
}
type Cards = {
  Versions: { v1_3: unknown }
  AdaptiveCard: new () => { parse: (payload: unknown, context: unknown) => void }
  SerializationContext: new (version: unknown) => {
    eventCount: number
    getEventAt: (index: number) => { message: string }
  }
}

// What Drone's pages render with; the one is CommonJS, the other a bundle for browsers that Node reads as well.
const load = createRequire(import.meta.url)
const { Template }: Templates = load('adaptivecards-templating')
const cards: Cards = load('adaptivecards/dist/adaptivecards.js')
const template: object = JSON.parse(readFileSync('deploy/card/card.json', 'utf8'))

const digests: Digests = {}
const names = Array.from({ length: 12 }, (_, index) => `a b/${index}.js`)
const result: Result = {
  title: '',
  action: 'upload',
  url: 'https://a.blob.core.windows.net/c/p',
  sentTo: 'https://a.blob.core.windows.net/c',
  place: 'to c/p',
  dryRun: false,
  files: 12,
  bytes: 12_000,
  durationMs: 1800,
  counts: { send: 12 },
  failures: [],
  notDone: 0,
  done: names.map((name) => ({ name, sizeBytes: 1000, etag: 'e', digests })),
  links: [
    {
      name: 'a',
      url: new Secret('https://h/a?sig=geheim'),
      expiresAt: new Date('2026-11-23T00:15:00Z'),
    },
  ],
  planned: [],
  unproven: [],
}

// Every complaint of the renderer's own parser is a failure.
function render(data: object): string {
  const payload: unknown = new Template(template).expand({ $root: data })
  const context = new cards.SerializationContext(cards.Versions.v1_3)
  const card = new cards.AdaptiveCard()
  card.parse(payload, context)
  const complaints = Array.from(
    { length: context.eventCount },
    (_, index) => context.getEventAt(index).message,
  )
  assert.deepEqual(complaints, [])
  const text = JSON.stringify(payload)
  assert.doesNotMatch(text, /\$\{|undefined/, 'a part of the template found no value')
  return text
}

describe('the card', () => {
  it('shows files with sizes and addresses, at most ten, and how many more there are', () => {
    const text = render(toCardData({ results: [result], durationMs: 2000 }))
    assert.match(text, /Done in 2(\.0)? s/)
    assert.match(text, /upload: 12 files, 12 kB in 1\.8 s/)
    assert.match(text, /"text":"a b\/0\.js","selectAction".{0,90}\/c\/a%20b\/0\.js"/)
    assert.equal(text.split('1 kB').length - 1, 10)
    assert.match(text, /and 2 more files/)
    assert.doesNotMatch(text, /failed/i)
  })

  it('never shows a link that needs no identity', () => {
    assert.doesNotMatch(
      JSON.stringify(toCardData({ results: [result], durationMs: 1 })),
      /geheim|sig=/,
    )
  })

  it('says what failed, and leads to the build', () => {
    const fault = new Fault('transfer_no_files', 'No file matches.')
    const failures = [{ name: 'x', fault }]
    const context = { ...readContext({}), link: 'https://drone.example/octo/hello/7' }
    const { sentTo: _, ...fetched } = result
    const text = render(
      toCardData({ results: [{ ...fetched, failures }], fault, durationMs: 1, context }),
    )
    assert.match(text, /Failed: transfer_no_files/)
    assert.match(text, /1 failed; see the log/)
    assert.match(text, /"url":"https:\/\/drone\.example\/octo\/hello\/7"/)
    assert.match(text, /"text":"a b\/0\.js"/)
  })

  it('is whole when nothing was transferred', () => {
    assert.match(render(toCardData({ results: [], durationMs: 1 })), /Done/)
    const text = render(toCardData({ results: [], durationMs: 1, context: readContext({}) }))
    assert.doesNotMatch(text, /The build/)
  })
})
