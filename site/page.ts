// A Markdown page as its readers need it: headings with their anchors, links, and fenced blocks with the
// comment right above them. The site and the suite read pages by this alone.
import MarkdownIt from 'markdown-it'

/** A link as it stands in a page. */
export type PageLink = { href: string; line: number }

/** A fenced block; `note` is the HTML comment right above it, without its marks. */
export type PageBlock = { language: string; text: string; line: number; note: string }

/** A page, read. */
export type Page = {
  /** Its first heading. */
  title: string
  headings: readonly { level: number; text: string; anchor: string }[]
  links: readonly PageLink[]
  blocks: readonly PageBlock[]
}

const reader = new MarkdownIt({ html: true })

type Token = ReturnType<typeof reader.parse>[number]

/** Reads a page. */
export function readPage(text: string): Page {
  const tokens = reader.parse(text, {})
  const name = createAnchors()
  const headings = tokens.flatMap((token, index) => {
    if (token.type !== 'heading_open') return []
    const words = plainText(tokens[index + 1])
    return [{ level: Number(token.tag.slice(1)), text: words, anchor: name(words) }]
  })
  return {
    title: headings[0]?.text ?? '',
    headings,
    links: tokens.flatMap((token) => linksOf(token)),
    blocks: tokens.flatMap((token, index) =>
      token.type === 'fence' ? [blockOf(token, tokens[index - 1])] : [],
    ),
  }
}

/** Names anchors of one page as GitHub does: small letters, dashes for blanks, `-1` for the second of a name. */
export function createAnchors(): (heading: string) => string {
  const taken = new Map<string, number>()
  return (heading) => {
    const plain = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-')
    const count = taken.get(plain) ?? 0
    taken.set(plain, count + 1)
    return count === 0 ? plain : `${plain}-${count}`
  }
}

/** The words of an inline token, without its marks. */
export function plainText(token: Token | undefined): string {
  return (token?.children ?? [])
    .filter(({ type }) => type === 'text' || type === 'code_inline')
    .map(({ content }) => content)
    .join('')
}

function linksOf(token: Token): PageLink[] {
  return (token.children ?? []).flatMap((child) => {
    const href = child.attrGet('href') ?? child.attrGet('src')
    return href === null ? [] : [{ href: String(href), line: (token.map?.[0] ?? 0) + 1 }]
  })
}

function blockOf(token: Token, before: Token | undefined): PageBlock {
  const comment = before?.type === 'html_block' ? before.content : ''
  return {
    language: token.info.trim(),
    text: token.content,
    line: (token.map?.[0] ?? 0) + 1,
    note: /<!--\s*([\s\S]*?)\s*-->\s*$/.exec(comment)?.[1] ?? '',
  }
}
