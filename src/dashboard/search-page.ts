// The search: leads from a repository and number, a token's id or hash, or a request id to the build.
import { html } from 'hono/html'

import type { Page, View } from './layout.ts'
import { empty, withQuery } from './parts.ts'
import type { Ask, Sources } from './sources.ts'

/** The path of the build that the words name, or of its repository's; otherwise a page that says so. */
export async function search({ trail }: Sources, _view: View, ask: Ask): Promise<Page | string> {
  const words = ask.query('q') ?? ''
  const named = /^([^#\s]+)#(\d{1,15})$/.exec(words)
  const found = named
    ? await trail.findBuild({ repo: named[1] ?? '', number: Number(named[2]) })
    : await trail.findByMark(words)
  if (found) return `/builds/${encodeURIComponent(found.instance)}/${found.id}`
  if (/^[^/\s#]+(\/[^/\s#]+)+$/.test(words)) return withQuery('/builds', { repo: words })
  return {
    title: 'Nothing was found',
    body: html`<section class="card">
      ${empty(
        `No build goes by “${words}”`,
        'Search for octo/web#17, the id or SHA-256 of a token, a trace id, or a client request id from Azure’s log.',
      )}
    </section>`,
  }
}
