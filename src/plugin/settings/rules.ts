// The settings on properties, as the engine's ordered rules: `rules` first, then the maps (of which
// the more particular glob comes first), then what is for all files.
import type { Compression, Rule } from '../../transfer/job.ts'
import type { Properties, Tier } from '../../transfer/remote.ts'
import { isSettingName, type NameOf } from '../settings-table.ts'
import type { Reader } from './reader.ts'
import {
  allFiles,
  compareGlobs,
  type ForFiles,
  isMap,
  quote,
  type Refuse,
  toList,
  toPairs,
  toStructure,
  toText,
} from './values.ts'

const headers = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  content_language: 'contentLanguage',
  content_disposition: 'contentDisposition',
  cache_control: 'cacheControl',
} as const satisfies Partial<Record<NameOf<'values'>, keyof Properties>>

const headerNames = Object.keys(headers).filter((name): name is keyof typeof headers =>
  Object.hasOwn(headers, name),
)

const tiers: readonly Tier[] = ['Hot', 'Cool', 'Cold', 'Archive']

const algorithms: Readonly<Record<string, Compression>> = {
  gzip: 'gzip',
  gz: 'gzip',
  br: 'br',
  brotli: 'br',
  zstd: 'zstd',
  zst: 'zstd',
}

/** What `compress: true` means: files of text that are not compressed already. */
export const textFiles = '**/*.{css,csv,htm,html,js,json,map,md,mjs,svg,txt,wasm,webmanifest,xml}'

/** All rules of one upload. */
export function readRules(reader: Reader): Rule[] {
  const refuse = (name: Parameters<Reader['refuse']>[0]): Refuse => {
    return (why) => reader.refuse(name, why)
  }
  const own = reader
    .maps('rules')
    .map((map, index) => readRule(map, (why) => reader.refuse('rules', `(${index + 1}) ${why}`)))
  return [
    ...own,
    ...readCompress(reader.raw('compress'), refuse('compress')).map(({ match, value }) => ({
      match: [match],
      set: {},
      compress: value,
    })),
    ...headerNames.flatMap((name) =>
      reader
        .values(name)
        .map((each) => toRule(each, { [headers[name]]: checkHeader(each.value, refuse(name)) })),
    ),
    ...reader
      .pairs('metadata')
      .map((each) => toRule(each, { metadata: checkMetadata(each.value, refuse('metadata')) })),
    ...reader
      .pairs('tags')
      .map((each) => toRule(each, { tags: checkTags(each.value, refuse('tags')) })),
    ...reader.values('tier').flatMap((each) => {
      const tier = toTier(each.value, refuse('tier'))
      return tier === undefined ? [] : [toRule(each, { tier })]
    }),
  ]
}

function toRule({ match }: ForFiles<unknown>, set: Partial<Properties>): Rule {
  return { match: [match], set }
}

function readRule(map: Record<string, unknown>, refuse: Refuse): Rule {
  const { match, compress, ...rest } = map
  const globs = match === undefined ? [allFiles] : (toList(match, refuse) ?? [])
  const set: Partial<Properties> = {}
  for (const [name, raw] of Object.entries(rest))
    Object.assign(set, readProperty(name, raw, refuse))
  if (compress === undefined) return { match: globs, set }
  if (set.contentEncoding !== undefined) {
    refuse('has both `compress` and `content_encoding`: the first sets the second')
  }
  const algorithm = toAlgorithm(toText(compress, refuse) ?? '', refuse)
  return { match: globs, set, ...(algorithm !== undefined && { compress: algorithm }) }
}

function readProperty(name: string, raw: unknown, refuse: Refuse): Partial<Properties> {
  if (isHeaderName(name)) {
    return { [headers[name]]: checkHeader(toText(raw, refuse) ?? '', refuse) }
  }
  if (name === 'metadata') return { metadata: checkMetadata(readMap(raw, refuse), refuse) }
  if (name === 'tags') return { tags: checkTags(readMap(raw, refuse), refuse) }
  if (name === 'tier') {
    const tier = toTier(toText(raw, refuse) ?? '', refuse)
    return tier === undefined ? {} : { tier }
  }
  const why = isSettingName(name) ? 'which no rule can set' : 'which is unknown'
  const known = ['match', 'compress', 'metadata', 'tags', 'tier', ...headerNames].join(', ')
  refuse(`has ${quote(name)}, ${why} (a rule has ${known})`)
  return {}
}

function readMap(raw: unknown, refuse: Refuse): Record<string, string> {
  const [first] = toPairs(raw, refuse) ?? []
  if (first !== undefined && first.match !== allFiles) refuse('has a map within a map')
  return first?.value ?? {}
}

function readCompress(raw: unknown, refuse: Refuse): ForFiles<Compression>[] {
  if (raw === undefined) return []
  const value = toStructure(raw)
  if (value === 'false') return []
  if (value === 'true') return [{ match: textFiles, value: 'gzip' }]
  if (typeof value === 'string' && Object.hasOwn(algorithms, value)) {
    return [{ match: textFiles, value: algorithms[value] ?? 'gzip' }]
  }
  if (!isMap(value)) {
    return (toList(value, refuse) ?? []).map((match) => ({ match, value: 'gzip' }))
  }
  return Object.entries(value)
    .toSorted(([a], [b]) => compareGlobs(a, b))
    .flatMap(([match, each]) => {
      const algorithm = toAlgorithm(toText(each, refuse) ?? '', refuse)
      return algorithm === undefined ? [] : [{ match, value: algorithm }]
    })
}

function toAlgorithm(text: string, refuse: Refuse): Compression | undefined {
  const algorithm = Object.hasOwn(algorithms, text) ? algorithms[text] : undefined
  return algorithm ?? refuse(`has the algorithm ${quote(text)} and must have one of gzip, br, zstd`)
}

function toTier(text: string, refuse: Refuse): Tier | undefined {
  const tier = tiers.find((each) => each.toLowerCase() === text.toLowerCase())
  return tier ?? refuse(`has the tier ${quote(text)} and must have one of ${tiers.join(', ')}`)
}

// A header cannot carry anything else (RFC 9110 §5.5).
function checkHeader(text: string, refuse: Refuse): string {
  if (!/^[\x20-\x7e]*$/.test(text)) refuse(`has ${quote(text)}, which is not plain ASCII`)
  return text
}

// Names become parts of header names and must be identifiers of C#.
function checkMetadata(map: Record<string, string>, refuse: Refuse): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, value] of Object.entries(map)) {
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      refuse(`has the name ${quote(name)}: letters, digits and underscores are allowed`)
    }
    if (/^(asdcrc64|asdsource|asdmode|hdi_isfolder|is_symlink|mtime)$/i.test(name)) {
      refuse(`has the name ${quote(name)}, which this plugin keeps for itself`)
    }
    found[name.toLowerCase()] = checkHeader(value, refuse)
  }
  return found
}

function checkTags(map: Record<string, string>, refuse: Refuse): Record<string, string> {
  if (Object.keys(map).length > 10) refuse('has more than 10 tags')
  for (const [name, value] of Object.entries(map)) {
    if (!/^[\w +\-./:=]{1,128}$/.test(name) || !/^[\w +\-./:=]{0,256}$/.test(value)) {
      refuse(
        `has ${quote(`${name}=${value}`)}: names up to 128, values up to 256 letters, digits, spaces and + - . / : = _`,
      )
    }
  }
  return map
}

function isHeaderName(name: string): name is keyof typeof headers {
  return Object.hasOwn(headers, name)
}
