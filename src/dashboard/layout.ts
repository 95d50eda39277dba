// The frame of every page: navigation, who is signed in, and the one heading.
import { html } from 'hono/html'

import { assetPaths } from './assets.ts'
import type { Session } from './session.ts'

/** Markup in which everything from outside is escaped. */
export type Html = ReturnType<typeof html>

/** What every page is made with. */
export type View = {
  now: Date
  /** Path of the page, for the navigation. */
  path: string
  session: Session
  /** What forms of this session carry. */
  formToken: string
}

/** One page: its heading, a sentence on it, and what stands above and below. */
export type Page = { title: string; lead?: Html | string; crumbs?: Html; side?: Html; body: Html }

const places: readonly [path: string, name: string][] = [
  ['/', 'Overview'],
  ['/builds', 'Builds'],
  ['/identities', 'Identities'],
  ['/policies', 'Policies'],
  ['/simulator', 'Simulator'],
  ['/storage', 'Storage'],
  ['/findings', 'Findings'],
  ['/events', 'Events'],
  ['/audit', 'Audit'],
  ['/trust', 'Keys and trust'],
]

/** A page inside the frame. */
export function layOut(view: View, { title, lead, crumbs, side, body }: Page): Html {
  return document(
    title,
    html`<a class="skip" href="#content">Skip to the content</a>
      <div class="frame">
        <header class="side">
          ${brand()}
          <form class="search" role="search" action="/search">
            <input
              name="q"
              type="search"
              placeholder="Find a build"
              aria-label="Find a build by repository and number, token id, hash or request id"
              required
            />
            <button>Find</button>
          </form>
          <nav class="nav" aria-label="Pages">
            <ul>
              ${places.map(([path, name]) => html`<li>${link(view, path, name)}</li>`)}
            </ul>
          </nav>
          ${person(view)}
        </header>
        <main id="content">
          ${crumbs ? html`<nav class="crumbs" aria-label="Where you are">${crumbs}</nav>` : ''}
          <div class="head">
            <div>
              <h1>${title}</h1>
              ${lead === undefined ? '' : html`<p class="lead">${lead}</p>`}
            </div>
            ${side ?? ''}
          </div>
          ${body}
        </main>
      </div>`,
  )
}

/** A page that stands alone: sign-in, and errors of those who are not signed in. */
export function standAlone(title: string, body: Html): Html {
  return document(
    title,
    html`<div class="alone">
      <main id="content">
        <div class="card">
          ${brand()}
          <h1>${title}</h1>
          ${body}
        </div>
      </main>
    </div>`,
  )
}

/** The hidden field that shows a form to be ours. */
export function formTokenField({ formToken }: Pick<View, 'formToken'>): Html {
  return html`<input type="hidden" name="form_token" value="${formToken}" />`
}

function document(title: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Azure Storage Drone</title>
        <link rel="stylesheet" href="${assetPaths.style}" />
        <script src="${assetPaths.script}" defer></script>
      </head>
      <body>
        ${body}
      </body>
    </html>`
}

function brand(): Html {
  return html`<a class="brand" href="/">
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect class="tile" width="32" height="32" rx="8" />
      <path
        class="mark"
        d="M16 7v11m0 0-4.5-4.5M16 18l4.5-4.5M8 20.5V23a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-2.5"
      />
    </svg>
    <span>Azure Storage Drone</span>
  </a>`
}

function link({ path: here }: View, path: string, name: string): Html {
  const isHere = path === '/' ? here === '/' : here === path || here.startsWith(`${path}/`)
  return isHere
    ? html`<a href="${path}" aria-current="page">${name}</a>`
    : html`<a href="${path}">${name}</a>`
}

function person(view: View): Html {
  const { name, role } = view.session
  return html`<div class="person">
    <span>${name}<br /><small>${role}</small></span>
    <form method="post" action="/sign-out">
      ${formTokenField(view)}
      <button class="quiet">Sign out</button>
    </form>
  </div>`
}
