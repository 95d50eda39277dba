// The whole site as files in a folder: every page, what pages link to, a style, a search without a server.
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

import { arrange, toPlace } from './navigation.ts'
import { readPage } from './page.ts'
import { renderPage } from './render.ts'

/** What was written, and links that lead nowhere. */
export type SiteReport = { pages: number; broken: string[] }

/** Writes the site of the project in the working folder; `folder` is emptied first. */
export function writeSite(folder: string): SiteReport {
  rmSync(folder, { recursive: true, force: true })
  const files = globSync('{*.md,docs/**/*.md,examples/README.md}').toSorted()
  const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]))
  const titles = new Map([...texts].map(([file, text]) => [file, readPage(text).title]))
  const site = { chapters: arrange(files), titles }
  const broken: string[] = []
  for (const [file, text] of texts) {
    const { html, copies } = renderPage(file, text, site)
    write(join(folder, toPlace(file)), html)
    for (const copy of copies) {
      if (existsSync(copy)) copyFile(copy, join(folder, 'files', copy))
      else broken.push(`${file}: ${copy}`)
    }
  }
  write(join(folder, 'search-index.js'), `window.pages=${JSON.stringify(toIndex(texts))}\n`)
  for (const file of ['style.css', 'search.js']) {
    cpSync(join(import.meta.dirname, file), join(folder, file))
  }
  return { pages: texts.size, broken: [...broken, ...findBroken(folder)] }
}

// Of a folder its list of files is enough.
function copyFile(from: string, to: string): void {
  if (statSync(from).isDirectory()) {
    write(join(to, 'index.html'), globSync(`${from}/**`).toSorted().join('<br>\n'))
  } else {
    mkdirSync(dirname(to), { recursive: true })
    cpSync(from, to)
  }
}

// Titles and headings; what stands below them is found by reading.
function toIndex(
  texts: ReadonlyMap<string, string>,
): { at: string; title: string; text: string }[] {
  return [...texts].flatMap(([file, text]) => {
    const { title, headings } = readPage(text)
    return headings.map(({ text: words, anchor, level }) => ({
      at: level === 1 ? toPlace(file) : `${toPlace(file)}#${anchor}`,
      title,
      text: words,
    }))
  })
}

function findBroken(folder: string): string[] {
  return globSync('**/*.html', { cwd: folder })
    .filter((file) => !file.startsWith('files/'))
    .flatMap((file) => {
      const html = readFileSync(join(folder, file), 'utf8')
      const links = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map((match) => match[1] ?? '')
      return links
        .filter((link) => !/^[a-z][a-z+.-]*:/i.test(link))
        .filter((link) => !leadsSomewhere(folder, file, link))
        .map((link) => `${file}: ${link}`)
    })
}

function leadsSomewhere(folder: string, file: string, link: string): boolean {
  const [path = '', anchor] = link.split('#', 2)
  const target = path === '' ? join(folder, file) : join(folder, dirname(file), path)
  if (!existsSync(target)) return false
  if (anchor === undefined || !target.endsWith('.html')) return true
  return readFileSync(target, 'utf8').includes(`id="${anchor}"`)
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
