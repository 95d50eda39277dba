// Puts client ids into the policy file, and changes nothing else of it: comments, order and spelling are
// a person's. The YAML document says where; the text is cut there and not written anew.
import { isMap, isScalar, parseDocument, type Pair, type YAMLMap } from 'yaml'

import { Fault } from '../core/fault.ts'
import { readYaml } from '../policy/source.ts'

/** The text with a client id in each of these identities, by name; throws config_invalid where that cannot be done. */
export function writeClientIds(text: string, ids: ReadonlyMap<string, string>): string {
  const written = [...ids].reduce((now, [name, id]) => writeOne(now, name, id), text)
  // Whatever was cut: nothing but the new ids may read otherwise than before.
  if (JSON.stringify(withIds(text, ids)) === JSON.stringify(withIds(written, new Map())))
    return written
  throw refuse([...ids])
}

// Behind the tenant, in the form the identity is written in.
function writeOne(text: string, name: string, id: string): string {
  const identity = parseDocument(text).getIn(['identities', name], true)
  const pair = isMap(identity) ? findPair(identity, 'tenant_id') : undefined
  const [start] = rangeOf(pair?.key) ?? []
  const [, end] = rangeOf(pair?.value) ?? []
  if (!isMap(identity) || start === undefined || end === undefined) throw refuse([[name, id]])
  if (identity.flow) return `${text.slice(0, end)}, client_id: ${id}${text.slice(end)}`
  const { 0: rest = '', index } = /\r?$/m.exec(text.slice(end)) ?? { index: 0 }
  const at = end + index
  const indent = ' '.repeat(start - (text.lastIndexOf('\n', start - 1) + 1))
  return `${text.slice(0, at)}${rest}\n${indent}client_id: ${id}${text.slice(at)}`
}

function findPair(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key)
}

function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  return isScalar(node) ? (node.range ?? undefined) : undefined
}

// The data with these ids in it, keys in a fixed order within each identity.
function withIds(text: string, ids: ReadonlyMap<string, string>): unknown {
  const { value } = readYaml(text, 'policy file')
  if (!isRecord(value) || !isRecord(value['identities'])) return value
  const identities = Object.entries(value['identities']).map(([name, identity]) => {
    const id = ids.get(name)
    const whole = isRecord(identity)
      ? { ...identity, ...(id !== undefined && { client_id: id }) }
      : {}
    const sorted = Object.entries(whole).toSorted(([one], [other]) => (one < other ? -1 : 1))
    return [name, sorted]
  })
  return { ...value, identities }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(ids: readonly (readonly [name: string, id: string])[]): Fault {
  const list = ids.map(([name, id]) => `"${name}": client_id: ${id}`).join(', ')
  return new Fault(
    'config_invalid',
    `The policy file is written so that the client ids cannot be put in: ${list}.`,
    {
      hint: 'Put the client ids into the policy file by hand.',
    },
  )
}
