// Links of all pages: what they name in the project is there, anchors included; what lies outside is
// well-formed, and is not fetched.
import { existsSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

import { messageOf } from '../../src/core/fault.ts'
import type { ReadFile } from './pages.ts'

/** What became of the links. */
export type LinkReport = { inside: number; outside: number; broken: string[] }

/** Checks every link of every page. */
export function checkLinks(pages: readonly ReadFile[]): LinkReport {
  const anchors = new Map(
    pages.map(({ file, headings }) => [file, new Set(headings.map(({ anchor }) => anchor))]),
  )
  const report: LinkReport = { inside: 0, outside: 0, broken: [] }
  for (const { file, links } of pages) {
    for (const { href, line } of links) {
      const isOutside = /^[a-z][a-z+.-]*:/i.test(href)
      report[isOutside ? 'outside' : 'inside'] += 1
      const why = isOutside ? explainOutside(href) : explainInside(file, href, anchors)
      if (why !== undefined) report.broken.push(`${file}:${line}: ${href} ${why}`)
    }
  }
  return report
}

function explainOutside(href: string): string | undefined {
  try {
    const { protocol, hostname } = new URL(href)
    if (protocol === 'mailto:') return undefined
    if (protocol !== 'https:') return 'is not https'
    return hostname.includes('.') ? undefined : 'has no host'
  } catch (error) {
    return messageOf(error)
  }
}

function explainInside(
  file: string,
  href: string,
  anchors: ReadonlyMap<string, ReadonlySet<string>>,
): string | undefined {
  const [path = '', anchor] = href.split('#', 2)
  const target = path === '' ? file : normalize(join(dirname(file), decodeURIComponent(path)))
  if (!existsSync(target)) return `leads to ${target}, which is not there`
  if (anchor === undefined || statSync(target).isDirectory()) return undefined
  const known = anchors.get(target)
  if (known === undefined) return undefined
  return known.has(decodeURIComponent(anchor)) ? undefined : 'names no heading there'
}
