// A Markdown page as HTML of the site: anchors on headings, links to pages of the site, links to other files
// of the project as the site copies them, and no script but the search.
import { dirname, join, normalize, relative } from 'node:path'

import MarkdownIt from 'markdown-it'

import { type Chapter, toPlace } from './navigation.ts'
import { createAnchors, plainText, readPage } from './page.ts'

/** A page as it is written, and what it links to that is no page. */
export type RenderedPage = { html: string; title: string; copies: string[] }

/** What every page needs of the whole site. */
export type SiteMap = { chapters: readonly Chapter[]; titles: ReadonlyMap<string, string> }

/** Renders a page of the project. */
export function renderPage(file: string, text: string, site: SiteMap): RenderedPage {
  const { title, headings } = readPage(text)
  const copies = new Set<string>()
  const body = renderBody(file, text, site, copies)
  const contents = headings
    .filter(({ level }) => level === 2)
    .map(({ text: words, anchor }) => `<li><a href="#${anchor}">${escape(words)}</a></li>`)
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)} · Azure Storage Drone</title>
<link rel="stylesheet" href="${linkTo(file, 'style.css')}">
<script defer src="${linkTo(file, 'search-index.js')}"></script>
<script defer src="${linkTo(file, 'search.js')}" data-root="${linkTo(file, '')}"></script>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header><a class="brand" href="${linkTo(file, 'index.html')}">Azure Storage Drone</a>
<input id="search" type="search" placeholder="Search" aria-label="Search the documentation"><ul id="found" hidden></ul></header>
<div class="columns">
<nav aria-label="Pages">${renderNavigation(file, site)}</nav>
<main id="content">
${body}
</main>
<aside aria-label="On this page">${contents.length > 2 ? `<p>On this page</p><ul>${contents.join('')}</ul>` : ''}</aside>
</div>
</body>
</html>
`
  return { html, title, copies: [...copies] }
}

function renderBody(file: string, text: string, site: SiteMap, copies: Set<string>): string {
  // Pages are our own, and their comments and line breaks are HTML.
  const markdown = new MarkdownIt({ html: true })
  const tokens = markdown.parse(text, {})
  const name = createAnchors()
  for (const [index, token] of tokens.entries()) {
    if (token.type === 'heading_open') token.attrSet('id', name(plainText(tokens[index + 1])))
    for (const child of token.children ?? []) {
      const href = child.attrGet('href')
      if (href !== null) child.attrSet('href', rewrite(file, String(href), site, copies))
    }
  }
  return markdown.renderer
    .render(tokens, markdown.options, {})
    .replaceAll(/<!--[\s\S]*?-->\n?/g, '')
    .replaceAll('<table>', '<div class="table"><table>')
    .replaceAll('</table>', '</table></div>')
}

function rewrite(file: string, href: string, site: SiteMap, copies: Set<string>): string {
  if (/^[a-z][a-z+.-]*:|^#/i.test(href)) return href
  const [path = '', anchor] = href.split('#', 2)
  const target = normalize(join(dirname(file), path)).replace(/\/$/, '')
  const page = [target, `${target}/README.md`].find((each) => site.titles.has(each))
  if (page === undefined) copies.add(target)
  const place = page === undefined ? `files/${target}` : toPlace(page)
  return linkTo(file, place) + (anchor === undefined ? '' : `#${anchor}`)
}

function renderNavigation(file: string, { chapters, titles }: SiteMap): string {
  return chapters
    .map(({ title, pages }) => {
      const items = pages.map((page) => {
        const here = page === file ? ' aria-current="page"' : ''
        const words = shorten(titles.get(page) ?? page)
        return `<li><a href="${linkTo(file, toPlace(page))}"${here}>${escape(words)}</a></li>`
      })
      return `<p>${title}</p><ul>${items.join('')}</ul>`
    })
    .join('')
}

function shorten(title: string): string {
  return title.replace(/^Tutorial: .*/, 'Tutorial').replace(/^Finding out .*/, 'Doctor')
}

function linkTo(file: string, place: string): string {
  const link = relative(dirname(toPlace(file)), place)
  if (place === '') return link === '' ? './' : `${link}/`
  return link
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
