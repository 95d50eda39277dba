// The page of those who are not signed in: the ways in that this service has.
import { html } from 'hono/html'

import { standAlone, type Html } from './layout.ts'
import { withQuery } from './parts.ts'

/** Shows the ways in; `to` is where to go then. */
export function showSignIn(ways: { hasProvider: boolean; hasLinks: boolean; to: string }): Html {
  const { hasProvider, hasLinks, to } = ways
  const start = withQuery('/sign-in/start', { to: to === '/' ? undefined : to })
  return standAlone(
    'Sign in',
    html`<p class="lead">
        Which build became what in Azure, under which rule, and what it did there.
      </p>
      ${hasProvider ? html`<p><a class="button main" href="${start}">Sign in with your organisation</a></p>` : ''}
      ${hasLinks ? linkHelp() : ''} ${hasProvider || hasLinks ? '' : noWay()}
      <p class="muted">Every sign-in, and every refused one, is on the ledger.</p>`,
  )
}

function linkHelp(): Html {
  return html`<div>
    <p>On this machine, a one-time link lets an admin in:</p>
    <pre tabindex="0">azure-storage-drone dashboard --service URL</pre>
  </div>`
}

function noWay(): Html {
  return html`<p>
    Nobody can sign in here yet: the configuration has no <code>sign_in</code>, and one-time links
    are for a door on loopback only.
  </p>`
}
