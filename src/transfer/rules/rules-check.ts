// What Azure would refuse of properties, said before anything is sent. Lengths and characters are from
// “Naming and referencing metadata”, “Set Blob Tags” and RFC 9110 (fields are visible ASCII).
import { Fault } from '../../core/fault.ts'
import type { Rule } from '../job.ts'
import type { Properties, Tier } from '../remote.ts'

const maxTags = 10
const maxTagKey = 128
const maxTagValue = 256

// Room for the names the engine itself keeps beside a file.
const maxMetadataBytes = 8192 - 512

/** Metadata names the engine writes itself. */
export const keptMetadataNames: ReadonlySet<string> = new Set([
  'asdcrc64',
  'asdsource',
  'asdmode',
  'mtime',
  'is_symlink',
  'hdi_isfolder',
])

const tiers: readonly Tier[] = ['Hot', 'Cool', 'Cold', 'Archive']

/** Throws `transfer_properties_invalid` for the first thing in rules that Azure would refuse. */
export function assertRules(rules: readonly Rule[]): void {
  for (const { match, set } of rules) {
    try {
      assertProperties(set)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const list = match.map((pattern) => `“${pattern}”`).join(', ')
      throw new Fault(error.code, `The rule for ${list}: ${error.message}`, { cause: error })
    }
  }
}

/** Throws `transfer_properties_invalid` for the first property that Azure would refuse. */
export function assertProperties(properties: Partial<Properties>): void {
  const { metadata = {}, tags = {}, contentType } = properties
  if (contentType !== undefined && !/^[\w!#$&^.+-]+\/[\w!#$&^.+*-]+( *;.*)?$/.test(contentType)) {
    throw refused(`“${contentType}” is no content type; it has the form \`text/html\`.`)
  }
  const fields = [
    'contentType',
    'contentEncoding',
    'contentLanguage',
    'contentDisposition',
  ] as const
  for (const field of [...fields, 'cacheControl'] as const) {
    const value = properties[field]
    if (value !== undefined) assertFieldValue(showField(field), value)
  }
  assertMetadata(metadata)
  assertTags(tags)
}

/** Throws `transfer_properties_invalid` unless names are C# identifiers and all of it fits in 8 KB. */
export function assertMetadata(metadata: Readonly<Record<string, string>>): void {
  let sizeBytes = 0
  const seen = new Set<string>()
  for (const [name, value] of Object.entries(metadata)) {
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      throw refused(
        `“${name}” cannot be a metadata name: Azure takes letters, digits and \`_\`, and no digit in front.`,
      )
    }
    const lower = name.toLowerCase()
    if (keptMetadataNames.has(lower))
      throw refused(`The metadata name “${name}” is written by the step itself.`)
    if (seen.has(lower))
      throw refused(`The metadata name “${name}” is there twice; case does not count.`)
    seen.add(lower)
    if (value === '') throw refused(`The metadata “${name}” is empty.`)
    assertFieldValue(`metadata “${name}”`, value)
    sizeBytes += name.length + value.length
  }
  if (sizeBytes > maxMetadataBytes) {
    throw refused(
      `The metadata is ${sizeBytes} bytes long; there is room for ${maxMetadataBytes} beside what the step keeps.`,
    )
  }
}

/** Throws `transfer_properties_invalid` unless Blob Storage takes these index tags. */
export function assertTags(tags: Readonly<Record<string, string>>): void {
  const entries = Object.entries(tags)
  if (entries.length > maxTags) {
    throw refused(`There are ${entries.length} index tags; a blob can have ${maxTags}.`)
  }
  for (const [key, value] of entries) {
    if (key === '' || key.length > maxTagKey) {
      throw refused(
        `The tag name “${key}” has ${key.length} characters; 1 to ${maxTagKey} are allowed.`,
      )
    }
    if (value.length > maxTagValue) {
      throw refused(`The tag “${key}” has ${value.length} characters; ${maxTagValue} are allowed.`)
    }
    if (!/^[A-Za-z\d +\-./:=_]*$/.test(key + value)) {
      throw refused(
        `The tag “${key}” holds a character Azure does not take; letters, digits, spaces and \`+ - . / : = _\` are allowed.`,
      )
    }
  }
}

/** The tier a text names, whatever its case; throws `transfer_properties_invalid` for others. */
export function toTier(text: string): Tier {
  const tier = tiers.find((each) => each.toLowerCase() === text.toLowerCase())
  if (!tier) throw refused(`“${text}” is no access tier; there are ${tiers.join(', ')}.`)
  return tier
}

function assertFieldValue(what: string, value: string): void {
  if (!/^[\t\u0020-\u007e]*$/.test(value)) {
    throw refused(`The ${what} holds a character that HTTP cannot carry: ${JSON.stringify(value)}.`)
  }
  if (value.trim() !== value || value === '') {
    throw refused(`The ${what} is empty or has spaces around it, which would be lost.`)
  }
}

function showField(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function refused(sentence: string): Fault {
  return new Fault('transfer_properties_invalid', sentence)
}
