// Properties of every file by ordered rules: of several rules that match, the first that names a
// property decides it; metadata and tags are decided key by key.
import type { Compression, Rule } from '../job.ts'
import type { Properties } from '../remote.ts'
import { createFilter } from '../select/glob-list.ts'
import { guessContentType } from './content-type.ts'

/** What rules make of one file. */
export type Ruled = { properties: Properties; compress?: Compression }

/** The properties for a path below its source; `encoding` is how the content is compressed already. */
export type Ruling = (below: string, encoding?: Compression) => Ruled

type Draft = { -readonly [Key in keyof Properties]?: Properties[Key] }

/**
 * Reads rules once. Their globs find hidden names too. A file whose Content-Encoding a rule names is
 * not compressed. Throws `transfer_pattern_invalid`.
 */
export function createRules(
  rules: readonly Rule[],
  { caseSensitive = true }: { caseSensitive?: boolean } = {},
): Ruling {
  const read = rules.map((rule) => ({
    rule,
    has: createFilter(rule.match, { dotfiles: true, caseSensitive }).has,
  }))
  return (below, encoding) => {
    const draft: Draft = {}
    let metadata: Properties['metadata'] = {}
    let tags: Properties['tags'] = {}
    let compress: Compression | undefined
    for (const { rule, has } of read) {
      if (!has(below)) continue
      Object.assign(draft, { ...rule.set, ...withoutHoles(draft) })
      metadata = { ...rule.set.metadata, ...metadata }
      tags = { ...rule.set.tags, ...tags }
      compress ??= rule.compress
    }
    const packed = encoding ?? (draft.contentEncoding === undefined ? compress : undefined)
    if (packed !== undefined) draft.contentEncoding = packed
    const properties = {
      ...withoutHoles(draft),
      contentType: draft.contentType ?? guessContentType(below),
      metadata,
      tags,
    }
    return encoding === undefined && packed !== undefined
      ? { properties, compress: packed }
      : { properties }
  }
}

// A property that is there and undefined names nothing.
function withoutHoles(draft: Draft): Draft {
  return Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined))
}
