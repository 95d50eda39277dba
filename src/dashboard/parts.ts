// Parts that several pages are made of: tables that scroll by themselves, lists of facts, empty states,
// notes and the links between pages of a list.
import { html } from 'hono/html'

import type { Html } from './layout.ts'
import { withCode, type Mood } from './words.ts'

/** A column: its heading, and `num` for figures or `less` for what a phone can do without. */
export type Column = { name: string; kind?: 'num' | 'less' | 'num less' }

/** A table that scrolls sideways on its own; every row has a cell for each column. */
export function table(label: string, columns: readonly Column[], rows: readonly Html[][]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">
    <table>
      <caption class="visually-hidden">
        ${label}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ name, kind = '' }) => html`<th scope="col" class="${kind}">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, index) => toCell(columns, cell, index))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function toCell(columns: readonly Column[], cell: Html, index: number): Html {
  const kind = columns[index]?.kind ?? ''
  return index === 0
    ? html`<th scope="row" class="${kind}">${cell}</th>`
    : html`<td class="${kind}">${cell}</td>`
}

/** A card with a heading over a table, or over words where there is nothing to show. */
export function tableCard(
  heading: { title: string; more?: Html | string },
  content: Html,
  below?: Html,
): Html {
  return html`<section class="card flush">
    <header>
      <h2>${heading.title}</h2>
      ${heading.more === undefined ? '' : html`<span class="muted">${heading.more}</span>`}
    </header>
    ${content}${below ?? ''}
  </section>`
}

/** A card. */
export function card(title: string, content: Html, more?: Html): Html {
  return html`<section class="card">
    <header>
      <h2>${title}</h2>
      ${more ?? ''}
    </header>
    ${content}
  </section>`
}

/** What stands where nothing is. */
export function empty(what: string, hint: string): Html {
  return html`<div class="empty"><strong>${what}</strong><span>${hint}</span></div>`
}

/** A note across the page. */
export function note(mood: Mood, title: string, text: Html | string): Html {
  return html`<div class="note ${mood}" role="note">
    <strong>${title}</strong>
    <p>${typeof text === 'string' ? withCode(text) : text}</p>
  </div>`
}

/** Names and values; pairs without a value are left out. */
export function facts(
  pairs: readonly (readonly [name: string, value: Html | string | undefined])[],
): Html {
  const given = pairs.filter(([, value]) => value !== undefined && value !== '')
  return html`<dl class="facts">
    ${given.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}

/** Big figures in a row. */
export function figures(
  list: readonly (readonly [name: string, value: string, more?: Html | string])[],
): Html {
  return html`<dl class="figures">
    ${list.map(
      ([name, value, more]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}${more === undefined ? '' : html`<small>${more}</small>`}</dd>
        </div>`,
    )}
  </dl>`
}

/** A path with these parameters; empty ones are left out. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | undefined>>,
): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]))
  const text = new URLSearchParams(given).toString()
  return text === '' ? path : `${path}?${text}`
}

/** Links to the newest page and the next older one, where there are such. */
export function pager(
  path: string,
  query: Readonly<Record<string, string | undefined>>,
  next: string | undefined,
): Html {
  const { after, ...rest } = query
  if (!after && next === undefined) return html``
  return html`<nav class="pager" aria-label="Pages of this list">
    ${after ? html`<a class="button" href="${withQuery(path, rest)}">↑ Newest</a>` : html`<span></span>`}
    ${
      next === undefined
        ? html`<span class="muted">This is the end of the list.</span>`
        : html`<a class="button" rel="next" href="${withQuery(path, { ...rest, after: next })}"
            >Older →</a
          >`
    }
  </nav>`
}

/** A select of these values, with `any` first. */
export function select(name: string, label: string, values: readonly string[], chosen = ''): Html {
  return html`<label class="field"
    >${label}
    <select name="${name}">
      <option value="">any</option>
      ${values.map((value) =>
        value === chosen
          ? html`<option value="${value}" selected>${value}</option>`
          : html`<option value="${value}">${value}</option>`,
      )}
    </select>
  </label>`
}

/** A line to type into. */
export function input(
  name: string,
  label: string,
  value = '',
  { placeholder = '', isRequired = false }: { placeholder?: string; isRequired?: boolean } = {},
): Html {
  const required = isRequired ? html`required` : ''
  return html`<label class="field"
    >${label}
    <input
      name="${name}"
      value="${value}"
      placeholder="${placeholder}"
      autocomplete="off"
      ${required}
    />
  </label>`
}
