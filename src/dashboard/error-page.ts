// What went wrong, as a page: what happened and why, and what to do.
import { html } from 'hono/html'

import { layOut, standAlone, type Html, type View } from './layout.ts'

/** A failure in words. */
export type Failure = { title: string; sentence: string; hint: string; code: string }

const titles: Readonly<Record<number, string>> = {
  400: 'This does not work',
  403: 'You may not do this',
  404: 'There is nothing here',
  429: 'Too fast',
  500: 'This is a defect',
  502: 'The sign-in provider does not answer',
  503: 'The service cannot answer now',
}

/** The heading for a status. */
export function titleOf(status: number): string {
  return titles[status] ?? 'This went wrong'
}

/** Shows it inside the frame to those who are signed in, and alone to others. */
export function showFailure(view: View | undefined, failure: Failure): Html {
  const { title, sentence, hint, code } = failure
  const text = html`<p>${sentence}</p>
    <p class="muted">${hint}</p>
    <p><a class="button" href="/">${view ? 'To the overview' : 'To the sign-in'}</a></p>
    <footer class="page">Code <code>${code}</code></footer>`
  return view
    ? layOut(view, { title, body: html`<section class="card">${text}</section>` })
    : standAlone(title, text)
}
