// Plots as SVG made on the server, each with the same numbers as a table for those who do not see it.
import { html } from 'hono/html'

import type { Series } from '../trail/trail.ts'
import type { Html } from './layout.ts'
import { sayCount } from './words.ts'

/** What a plot of bars is called and how its values are written. */
export type BarOptions = {
  title: string
  /** Writes a value with its unit. */
  say?: (value: number) => string
  mood?: 'bad'
}

const width = 600
const height = 100

/** Bars over time, one for each bucket. */
export function bars(series: Series, { title, say = sayCount, mood }: BarOptions): Html {
  const most = Math.max(0, ...series.map(({ value }) => value))
  const sum = series.reduce((total, { value }) => total + value, 0)
  const step = width / Math.max(1, series.length)
  const tops = series.map(({ value }) => (most === 0 ? 0 : (value / most) * (height - 6)))
  return html`<figure>
    <figcaption>
      <h3>${title}</h3>
      <span class="muted">${say(sum)} in all, ${say(most)} at most</span>
    </figcaption>
    <svg
      class="plot"
      viewBox="0 0 ${width} ${height}"
      preserveAspectRatio="none"
      role="img"
      aria-label="${title}: ${say(sum)} in all, ${say(most)} at most in one bar; the table below has every value"
    >
      ${[0.25, 0.5, 0.75].map((at) => html`<line class="rule" x1="0" x2="${width}" y1="${height * at}" y2="${height * at}" />`)}
      ${series.map(({ at, value }, index) => {
        const top = tops[index] ?? 0
        // What is there at all can be seen.
        const tall = value > 0 ? Math.max(top, 1.5) : 0
        return html`<rect
          class="bar ${mood ?? ''}"
          x="${round(index * step + step * 0.1)}"
          y="${round(height - tall)}"
          width="${round(step * 0.8)}"
          height="${round(tall)}"
          ><title>${sayBucket(at)}: ${say(value)}</title></rect
        >`
      })}
    </svg>
    ${axis(series.map(({ at }) => at))}
    <details>
      <summary>${title} as a table</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="${title}">
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col" class="num">Value</th>
            </tr>
          </thead>
          <tbody>
            ${series.map(
              ({ at, value }) =>
                html`<tr>
                  <th scope="row">${sayBucket(at)}</th>
                  <td class="num">${say(value)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>
  </figure>`
}

/** One row of a heat strip. */
export type HeatRow = { name: Html | string; text: string; values: readonly number[] }

/** Strips of cells over time, the darker the more; `buckets` are the moments of the cells. */
export function heat(rows: readonly HeatRow[], buckets: readonly Date[]): Html {
  const most = Math.max(1, ...rows.flatMap(({ values }) => values))
  return html`<div class="heat">
      ${rows.map(({ name, text, values }) => {
        const sum = values.reduce((total, value) => total + value, 0)
        return html`<div class="row">
          <span class="name">${name}</span>
          <svg
            viewBox="0 0 ${values.length * 10} 10"
            preserveAspectRatio="none"
            role="img"
            aria-label="${text}: ${sayCount(sum)} in all"
          >
            ${values.map((value, index) => {
              const level = value === 0 ? 0 : Math.max(1, Math.ceil((value / most) * 4))
              const at = buckets[index]
              return html`<rect
                class="h${level}"
                x="${index * 10 + 0.5}"
                y="0"
                width="9"
                height="10"
                ><title>${at ? sayBucket(at) : ''}: ${sayCount(value)}</title></rect
              >`
            })}
          </svg>
          <span class="num">${sayCount(sum)}</span>
        </div>`
      })}
    </div>
    ${axis(buckets)}`
}

/** A share of a whole as a bar of its own. */
export function meter(part: number, whole: number): Html {
  const wide = whole <= 0 ? 0 : Math.max(part > 0 ? 1 : 0, (part / whole) * 100)
  return html`<svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
    <rect class="whole" width="100" height="4" rx="1" />
    <rect class="part" width="${round(wide)}" height="4" rx="1" />
  </svg>`
}

function axis(buckets: readonly Date[]): Html {
  const [first, last] = [buckets[0], buckets.at(-1)]
  if (!first || !last) return html``
  return html`<div class="axis" aria-hidden="true">
    <span>${sayBucket(first)}</span><span>${sayBucket(last)}</span>
  </div>`
}

function sayBucket(at: Date): string {
  const text = at.toISOString()
  return text.endsWith('T00:00:00.000Z')
    ? text.slice(0, 10)
    : `${text.slice(0, 13).replace('T', ' ')}:00`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
