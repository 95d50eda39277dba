// Values as people read them: times beside how long ago, sizes, numbers, ids that can be copied, and the
// chips that say how something went.
import { html } from 'hono/html'

import type { Html } from './layout.ts'

const units: readonly [seconds: number, one: string, many: string][] = [
  [365 * 86_400, 'year', 'years'],
  [30 * 86_400, 'month', 'months'],
  [86_400, 'day', 'days'],
  [3600, 'hour', 'hours'],
  [60, 'minute', 'minutes'],
]

/** A span as `3 days`, rounded down; `a moment` under a minute. */
export function sayDuration(milliseconds: number): string {
  const seconds = Math.abs(milliseconds) / 1000
  const unit = units.find(([size]) => seconds >= size)
  if (!unit) return 'a moment'
  const count = Math.floor(seconds / unit[0])
  return `${count} ${count === 1 ? unit[1] : unit[2]}`
}

/** A moment as `2026-11-23 12:00:05 UTC`. */
export function sayTime(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** A moment with how long ago it was, or how long it is until then. */
export function when(now: Date, at: Date | undefined): Html {
  if (!at) return html`<span class="muted">never</span>`
  const span = sayDuration(now.getTime() - at.getTime())
  const said = at > now ? `in ${span}` : `${span} ago`
  return html`<time datetime="${at.toISOString()}"
    ><span class="nowrap">${said}</span><small class="nowrap">${sayTime(at)}</small></time
  >`
}

/** The moment alone, for places where the span would be noise. */
export function atTime(at: Date): Html {
  return html`<time class="nowrap" datetime="${at.toISOString()}">${sayTime(at)}</time>`
}

/** A whole number with thin groups, as `12,345`. */
export function sayCount(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

/** A count and its noun, as `1 build` or `3 builds`. */
export function sayMany(value: number, one: string, many = `${one}s`): string {
  return `${sayCount(value)} ${value === 1 ? one : many}`
}

const sizes = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Bytes as `1.4 GiB`. */
export function saySize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(sizes.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  const digits = power === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${sizes[power] ?? 'B'}`
}

/** An id in full, made to be copied; `label` says of what. */
export function copyable(value: string, label: string, shown = value): Html {
  return html`<code class="id" data-value="${value}" data-label="${label}">${shown}</code>`
}

/** A long hash cut short to the eye, whole to the clipboard. */
export function shortHash(value: string, label: string): Html {
  return copyable(value, label, value.length > 20 ? `${value.slice(0, 16)}…` : value)
}

/** A refs name without what everybody knows of it. */
export function sayRef(ref: string): string {
  return ref.replace(/^refs\/(heads|tags)\//, '')
}

/** How something went, in words and colour. */
export type Mood = 'good' | 'bad' | 'warn' | 'accent' | 'plain'

/** A chip. */
export function chip(mood: Mood, text: string): Html {
  return html`<span class="chip ${mood}">${text}</span>`
}

const moods: Readonly<Record<string, readonly [Mood, string]>> = {
  allowed: ['good', '✓ allowed'],
  denied: ['bad', '✕ denied'],
  partly: ['warn', '! partly denied'],
  asked: ['plain', '… asked'],
  allow: ['good', '✓ allowed'],
  deny: ['bad', '✕ denied'],
  info: ['plain', 'noted'],
  done: ['good', '✓ done'],
  failed: ['bad', '✕ failed'],
  rbac: ['good', 'Azure role'],
  abac: ['accent', 'Azure role with condition'],
  gateway: ['warn', 'gateway'],
  enforce: ['good', 'in force'],
  audit: ['warn', 'on trial'],
}

/** The chip of a word that ledger, trail and policy use; unknown ones are shown as they are. */
export function chipOf(word: string): Html {
  const [mood, text] = Object.hasOwn(moods, word)
    ? (moods[word] ?? ['plain', word])
    : ['plain', word]
  return chip(mood as Mood, text)
}

/** A sentence whose parts in backquotes are code. */
export function withCode(text: string): Html {
  const parts = text.split('`')
  return html`${parts.map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`
}
