// A small strict scanner for the XML of Blob Storage: elements, text and entities, nothing else. It
// works on bytes and makes text only of what is asked for, so that a page of 5,000 blobs takes
// milliseconds. A document type, a comment or a tag out of place means that it is something else.

/** An element whose text or end the caller wants to hear of, and those inside of it. */
export type XmlNode = {
  id: number
  /** What a child of any name is. */
  anyChild?: XmlNode
  children: readonly { name: string; node: XmlNode }[]
}

/** Where the text of an element lies, and the element's name and tag, for `textOf`. */
export type XmlText = {
  from: number
  to: number
  hasEntity: boolean
  nameFrom: number
  nameTo: number
  /** The end of the opening tag, attributes included. */
  tagTo: number
}

/** Is told of every known element when it ends; the record is used again. */
export type XmlListener = (id: number, text: XmlText) => void

/** Why a document is not what was expected. */
export class XmlError extends Error {}

/** Describes an element and its children by name; without an id it is only passed through. */
export function element(id: number, children: Record<string, XmlNode> = {}): XmlNode {
  const named = Object.entries(children).map(([name, node]) => ({ name, node }))
  return { id, children: named }
}

/** An element that may have children of any name, each with this id. */
export function anyElements(id: number): XmlNode {
  return { id: -1, anyChild: element(id), children: [] }
}

const [lessThan, greaterThan, slash] = [0x3c, 0x3e, 0x2f]
const unknown: XmlNode = element(-1)
const tagForm = /^[A-Za-z_][\w.-]*(?:\s+[\w:.-]+="[^"<]*")*\s*\/?$/

/** Reads a whole document whose one root is a child of `document`; throws an XmlError. */
export function scanXml(xml: Buffer, document: XmlNode, listener: XmlListener): void {
  const windows = scanXmlWindows(xml, document, listener)
  while (windows.next().done !== true);
}

/** The same, but rests after every 64 KiB, so that what was heard can be worked on and dropped. */
export function* scanXmlWindows(
  xml: Buffer,
  document: XmlNode,
  listener: XmlListener,
): Generator<undefined, void> {
  const text: XmlText = { from: 0, to: 0, hasEntity: false, nameFrom: 0, nameTo: 0, tagTo: 0 }
  const scan: Scan = {
    xml,
    listener,
    nodes: [document],
    places: [],
    text,
    hasRoot: false,
    bytes: '',
    base: 0,
    and: -1,
  }
  moveWindow(scan)
  const start =
    /^(?:\u00ef\u00bb\u00bf)?\s*(?:<\?xml[^>]*\?>)?\s*/.exec(scan.bytes)?.[0].length ?? 0
  let at = readText(scan, start)
  do {
    scanWindow(scan, at)
    yield
    // Windows begin with a tag, and the text before it lies in the one before.
    at = 0
  } while (moveWindow(scan))
  if (scan.nodes.length > 1 || !scan.hasRoot) throw new XmlError('an unfinished document')
}

function scanWindow(scan: Scan, from: number): void {
  const { bytes } = scan
  for (let at = from; at < bytes.length;) {
    const isClosing = bytes.charCodeAt(at + 1) === slash
    const nameFrom = at + (isClosing ? 2 : 1)
    const nameTo = endOfName(bytes, nameFrom)
    const isPlain = bytes.charCodeAt(nameTo) === greaterThan
    const tagTo = isPlain ? nameTo : bytes.indexOf('>', nameTo)
    if (tagTo < 0) throw new XmlError('an unfinished tag')
    if (isClosing) closeTag(scan, nameFrom, nameTo, tagTo)
    else openTag(scan, nameFrom, nameTo, tagTo)
    at = readText(scan, tagTo + 1)
  }
}

// Places in `text` and `places` are of the document, all others of the window.
type Scan = {
  xml: Buffer
  listener: XmlListener
  /** The open elements, the document first. */
  nodes: XmlNode[]
  /** Three numbers for every open element: its name from and to, and the end of its tag. */
  places: number[]
  text: XmlText
  hasRoot: boolean
  /** A window on the document, one character for a byte, and where it begins. */
  bytes: string
  base: number
  /** Where the next `&` is, as far as it has been looked for. */
  and: number
}

// Engines search strings faster than buffers; a string of the whole page would be as much memory again.
const windowBytes = 64 * 1024

// Every window but the last ends before a tag.
function moveWindow(scan: Scan): boolean {
  const { xml } = scan
  const from = scan.base + scan.bytes.length
  let to = from + windowBytes
  if (to < xml.length) {
    const tag = xml.lastIndexOf(lessThan, to)
    to = tag > from ? tag : xml.length
  }
  scan.base = from
  scan.bytes = xml.toString('latin1', from, to)
  scan.and = -1
  return scan.bytes !== ''
}

// Everything up to the next tag; gives where that begins.
function readText(scan: Scan, from: number): number {
  const { bytes, text, nodes, base } = scan
  const isTag = bytes.charCodeAt(from) === lessThan
  const next = isTag ? from : bytes.indexOf('<', from)
  const at = next < 0 ? bytes.length : next
  if (scan.and < from) {
    const and = bytes.indexOf('&', from)
    scan.and = and < 0 ? bytes.length : and
  }
  text.from = base + from
  text.to = base + at
  text.hasEntity = scan.and < at
  if (text.hasEntity) unescapeXml(bytes.slice(from, at))
  if (nodes.length === 1 && !isBlank(bytes, from, at)) {
    throw new XmlError('text outside of elements')
  }
  return at
}

function closeTag(scan: Scan, nameFrom: number, nameTo: number, tagTo: number): void {
  const { bytes, nodes, places, text, base } = scan
  text.tagTo = places.pop() ?? 0
  text.nameTo = places.pop() ?? 0
  text.nameFrom = places.pop() ?? 0
  const node = nodes.length > 1 ? nodes.pop() : undefined
  const isSame = isSameName(scan.xml, text, base + nameFrom, base + nameTo)
  if (!node || !isSame || !isBlank(bytes, nameTo, tagTo)) {
    throw new XmlError('a closing tag out of place')
  }
  if (node.id >= 0) scan.listener(node.id, text)
}

function openTag(scan: Scan, nameFrom: number, nameTo: number, tagTo: number): void {
  const { bytes, nodes, places, text, base } = scan
  assertTag(bytes, nameFrom, nameTo, tagTo)
  const node = childOf(nodes.at(-1) ?? unknown, bytes, nameFrom, nameTo)
  if (nodes.length === 1) {
    if (scan.hasRoot) throw new XmlError('a second root element')
    if (node === unknown) throw new XmlError('another kind of document')
    scan.hasRoot = true
  }
  if (bytes.charCodeAt(tagTo - 1) !== slash) {
    nodes.push(node)
    places.push(base + nameFrom, base + nameTo, base + tagTo)
  } else if (node.id >= 0) {
    text.from = base + tagTo + 1
    text.to = text.from
    text.hasEntity = false
    text.nameFrom = base + nameFrom
    text.nameTo = base + nameTo
    text.tagTo = base + tagTo
    scan.listener(node.id, text)
  }
}

// `<Name>` and `<Name />` are nearly all there is; a tag with attributes is looked at more closely.
function assertTag(bytes: string, nameFrom: number, nameTo: number, tagTo: number): void {
  const letter = bytes.charCodeAt(nameFrom) | 0x20
  if (letter >= 0x61 && letter <= 0x7a) {
    if (nameTo === tagTo) return
    if (bytes.charCodeAt(tagTo - 1) === slash && isBlank(bytes, nameTo, tagTo - 1)) return
  }
  if (!tagForm.test(bytes.slice(nameFrom, tagTo))) throw new XmlError('a tag of another form')
}

/** The text that a record points to, entities resolved. */
export function textOf(xml: Buffer, { from, to, hasEntity }: XmlText): string {
  // Names and values are mostly short; both ways make a string of their own, so the page can go.
  const text = xml.toString('utf8', from, to)
  return hasEntity ? unescapeXml(text) : text
}

/** The text with its entities resolved; throws an XmlError for unknown ones. */
export function unescapeXml(text: string): string {
  return text.replaceAll(
    /&(#x[\dA-Fa-f]{1,6}|#\d{1,7}|\w+)?;?/g,
    (whole, body: string | undefined) => {
      const known = body === undefined || !whole.endsWith(';') ? undefined : resolve(body)
      if (known === undefined) throw new XmlError('an unknown entity')
      return known
    },
  )
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

function resolve(body: string): string | undefined {
  if (!body.startsWith('#')) return Object.hasOwn(entities, body) ? entities[body] : undefined
  const code = body[1] === 'x' ? Number.parseInt(body.slice(2), 16) : Number(body.slice(1))
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : undefined
}

function endOfName(bytes: string, from: number): number {
  let at = from
  for (; at < bytes.length; at++) {
    const code = bytes.charCodeAt(at)
    const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a
    // Digits, `-`, `.` and `_`; what may come first is for `assertTag` to say.
    const isOther = (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2e
    if (!isLetter && !isOther && code !== 0x5f) break
  }
  return at
}

function childOf(parent: XmlNode, bytes: string, from: number, to: number): XmlNode {
  if (parent.anyChild) return parent.anyChild
  const first = bytes.charCodeAt(from)
  for (const { name, node } of parent.children) {
    const isLike = name.length === to - from && name.charCodeAt(0) === first
    if (isLike && bytes.startsWith(name, from)) return node
  }
  return unknown
}

function isSameName(
  xml: Buffer,
  { nameFrom, nameTo }: { nameFrom: number; nameTo: number },
  from: number,
  to: number,
): boolean {
  if (nameTo - nameFrom !== to - from) return false
  for (let at = from; at < to; at++) {
    if (xml[at] !== xml[nameFrom + at - from]) return false
  }
  return true
}

function isBlank(bytes: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = bytes.charCodeAt(at)
    if (code !== 0x20 && (code < 0x09 || code > 0x0d)) return false
  }
  return true
}
