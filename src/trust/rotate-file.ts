// A rename in the text of the policy file: whole subjects are copied or cut out where the YAML document
// says they are, and nothing else is touched, so that comments, order and spelling stay a person's.
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type YAMLMap } from 'yaml'

import { Fault } from '../core/fault.ts'
import {
  parsePolicy,
  type Policy,
  type PolicyOptions,
  type PolicySubject,
} from '../policy/schema.ts'
import { addNew, dropOld, hasTwin, isOld, type Rename } from './rotate-subjects.ts'

/** A piece of text and what stands in its place. */
type Cut = { start: number; end: number; text: string }

/** The text with a second subject, under the new name, behind each of the old name; throws config_invalid. */
export function writeNewNames(
  text: string,
  renames: readonly Rename[],
  options: PolicyOptions,
): string {
  const policy = parsePolicy(text, options)
  const find: Find = (subjects, subject) =>
    renames.find((each) => isOld(each, subject) && !hasTwin(subjects, each, subject))
  const expected = addNew(policy, renames)
  return write(text, { renames, options, expected, find, edit: copyItem, doing: 'added to' })
}

/** The text without the subjects of the old names that have a second one; throws config_invalid. */
export function dropOldNames(
  text: string,
  renames: readonly Rename[],
  options: PolicyOptions,
): string {
  const policy = parsePolicy(text, options)
  const find: Find = (subjects, subject) =>
    renames.find((each) => isOld(each, subject) && hasTwin(subjects, each, subject))
  const expected = dropOld(policy, renames)
  return write(text, { renames, options, expected, find, edit: cutItem, doing: 'taken out of' })
}

// The rename that a subject of the file is to be edited for.
type Find = (subjects: readonly PolicySubject[], subject: PolicySubject) => Rename | undefined

type Item = {
  text: string
  map: YAMLMap
  isInFlow: boolean
  next: number | undefined
  last: number | undefined
}

type Edit = (item: Item, rename: Rename) => Cut

function write(
  text: string,
  {
    renames,
    options,
    expected,
    find,
    edit,
    doing,
  }: {
    renames: readonly Rename[]
    options: PolicyOptions
    expected: Policy
    find: Find
    edit: Edit
    doing: string
  },
): string {
  const refuse = () => {
    const list = renames.map(({ from, to }) => `${from} -> ${to}`).join(', ')
    return new Fault(
      'config_invalid',
      `The policy file is written so that subjects cannot be ${doing} it: ${list}.`,
      {
        hint: 'Do it by hand: each subject of the old name needs one of the new name beside it, with its own id, the same events and refs. Then run the command again.',
      },
    )
  }
  const cuts = findCuts(text, { policy: parsePolicy(text, options), find, edit })
  if (!cuts) throw refuse()
  const written = cuts
    .toSorted((one, other) => other.start - one.start)
    .reduce((now, cut) => now.slice(0, cut.start) + cut.text + now.slice(cut.end), text)
  // Whatever was cut: the file has to say exactly what was wanted, and nothing else anew.
  if (isSamePolicy(readPolicy(written, options), expected)) return written
  throw refuse()
}

function readPolicy(text: string, options: PolicyOptions): Policy | undefined {
  try {
    return parsePolicy(text, options)
  } catch {
    return undefined
  }
}

function isSamePolicy(one: Policy | undefined, other: Policy): boolean {
  const plain = ({ entries, accounts = new Map() }: Policy) =>
    JSON.stringify([...entries.values(), ...accounts])
  return one !== undefined && plain(one) === plain(other)
}

function findCuts(
  text: string,
  { policy, find, edit }: { policy: Policy; find: Find; edit: Edit },
): Cut[] | undefined {
  const document = parseDocument(text)
  const cuts = new Map<unknown, Cut>()
  for (const [at, { subjects }] of [...policy.entries.values()].entries()) {
    const list = resolve(document, document.getIn(['policies', at, 'subjects'], true))
    if (!isSeq(list)) return undefined
    for (const [index, subject] of subjects.entries()) {
      const rename = find(subjects, subject)
      if (!rename) continue
      const node = list.items[index]
      // An item that other places lead to, or that leads elsewhere, is more than its own text.
      if (!isMap(node) || hasAnchor(node)) return undefined
      const item = {
        text,
        map: node,
        isInFlow: list.flow ?? false,
        next: startOf(list.items[index + 1]),
        last: index === 0 ? undefined : endOf(list.items[index - 1]),
      }
      // A list that several entries share by an alias is changed once.
      cuts.set(node, edit(item, rename))
    }
  }
  return [...cuts.values()]
}

function copyItem({ text, map, isInFlow }: Item, { to, fromId, toId }: Rename): Cut {
  const [start, end] = isInFlow ? [startOf(map) ?? 0, endOf(map) ?? 0] : linesOf(text, map)
  const values: [unknown, string][] = [
    [map.get('repository', true), quoteIfNeeded(to)],
    ...(toId === fromId
      ? []
      : [[map.get('repository_id', true), JSON.stringify(toId)] satisfies [unknown, string]]),
  ]
  const copy = values
    .map(([node, value]): Cut => ({
      start: (startOf(node) ?? start) - start,
      end: (endOf(node) ?? start) - start,
      text: value,
    }))
    .toSorted((one, other) => other.start - one.start)
    .reduce(
      (now, cut) => now.slice(0, cut.start) + cut.text + now.slice(cut.end),
      text.slice(start, end),
    )
  if (isInFlow) return { start: end, end, text: `, ${copy}` }
  // The last line of a file may lack its end.
  return { start: end, end, text: text.slice(start, end).endsWith('\n') ? copy : `\n${copy}` }
}

function cutItem({ text, map, isInFlow, next, last }: Item): Cut {
  if (!isInFlow) {
    const [start, end] = linesOf(text, map)
    return { start, end, text: '' }
  }
  const [start, end] = [startOf(map) ?? 0, endOf(map) ?? 0]
  if (next !== undefined) return { start, end: next, text: '' }
  return { start: last ?? start, end, text: '' }
}

// All lines of an item of a block list, its dash and the comment behind it included.
function linesOf(text: string, map: YAMLMap): [start: number, end: number] {
  const start = text.lastIndexOf('\n', (startOf(map) ?? 0) - 1) + 1
  const newline = text.indexOf('\n', endOf(map) ?? 0)
  return [start, newline === -1 ? text.length : newline + 1]
}

function resolve(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node
}

function hasAnchor(node: unknown): boolean {
  if (isMap(node)) {
    return (
      node.anchor !== undefined ||
      node.items.some(({ key, value }) => hasAnchor(key) || hasAnchor(value))
    )
  }
  if (isSeq(node)) return node.anchor !== undefined || node.items.some((each) => hasAnchor(each))
  return isScalar(node) && node.anchor !== undefined
}

function startOf(node: unknown): number | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[0] : undefined
}

// The end of a block is that of what stands last in it: comments that follow are no part of it.
function endOf(node: unknown): number | undefined {
  if (isMap(node) && !node.flow) {
    const last = node.items.at(-1)
    return endOf(last?.value) ?? endOf(last?.key)
  }
  if (isSeq(node) && !node.flow) return endOf(node.items.at(-1))
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[1] : undefined
}

// Slugs that YAML could take for something else, such as one that begins with "@", get quotes.
function quoteIfNeeded(slug: string): string {
  return /^[A-Za-z][\w./-]*$/.test(slug) ? slug : JSON.stringify(slug)
}
