// A JSON Schema as a table of its keys: path, form, what holds when it is left out, meaning.

/** As much of a JSON Schema as zod writes. */
export type Schema = {
  type?: string | string[]
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  propertyNames?: Schema
  items?: Schema
  prefixItems?: Schema[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  pattern?: string
  format?: string
  default?: unknown
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  $ref?: string
  $defs?: Record<string, Schema>
}

/** One key of a file. */
export type SchemaRow = { path: string; form: string; otherwise: string; meaning: string }

/** All keys, each after the one it stands in; `NAME` stands for a name of one's own. */
export function listKeys(schema: Schema): SchemaRow[] {
  return keysOf(schema, '', schema.$defs ?? {}, 0)
}

function keysOf(
  schema: Schema,
  at: string,
  defs: Record<string, Schema>,
  depth: number,
): SchemaRow[] {
  const target = resolve(schema, defs)
  if (depth > 12 || isSecretReference(target)) return []
  const inner = target.items ?? (isSchema(target.additionalProperties) ? target : undefined)
  const alternatives = [...(target.anyOf ?? []), ...(target.oneOf ?? [])]
  const own = Object.entries(target.properties ?? {}).flatMap(([key, each]) => {
    const path = at === '' ? key : `${at}.${key}`
    const isRequired = target.required?.includes(key) === true
    return [rowOf(path, each, isRequired, defs), ...keysOf(each, path, defs, depth + 1)]
  })
  const below = target.items
    ? keysOf(target.items, `${at}[]`, defs, depth + 1)
    : isSchema(target.additionalProperties)
      ? keysOf(target.additionalProperties, at === '' ? 'NAME' : `${at}.NAME`, defs, depth + 1)
      : []
  const others = alternatives.flatMap((each) => keysOf(each, at, defs, depth + 1))
  return dropDoubles([...own, ...(inner ? below : []), ...others])
}

function rowOf(
  path: string,
  schema: Schema,
  isRequired: boolean,
  defs: Record<string, Schema>,
): SchemaRow {
  const target = resolve(schema, defs)
  const fallback = schema.default ?? target.default
  const isPlain = fallback !== undefined && (typeof fallback !== 'object' || fallback === null)
  return {
    path,
    form: formOf(target, defs),
    otherwise: isPlain
      ? `\`${JSON.stringify(fallback).replaceAll('"', '')}\``
      : isRequired && fallback === undefined
        ? 'required'
        : '',
    meaning: schema.description ?? target.description ?? '',
  }
}

function formOf(schema: Schema, defs: Record<string, Schema>): string {
  const target = resolve(schema, defs)
  if (target.const !== undefined) return `\`${JSON.stringify(target.const)}\``
  if (target.enum) return target.enum.map((each) => `\`${String(each)}\``).join(', ')
  const alternatives = [...(target.anyOf ?? []), ...(target.oneOf ?? [])]
  if (alternatives.length > 0) {
    return [...new Set(alternatives.map((each) => formOf(each, defs)))].join(' or ')
  }
  if (target.items ?? target.prefixItems) {
    const item = target.items ?? target.prefixItems?.[0] ?? {}
    return `list of ${formOf(item, defs).replace(/^map$/, 'maps')}`
  }
  if (isSecretReference(target)) return '`{file: …}` or `{env: …}`'
  if (target.properties ?? isSchema(target.additionalProperties)) return 'map'
  return plainForm(target)
}

function plainForm({ type, format, minimum, maximum }: Schema): string {
  if (type === 'boolean') return '`true` or `false`'
  if (type === 'integer' || type === 'number') {
    const isBounded = minimum !== undefined && maximum !== undefined && maximum < 2 ** 52
    return isBounded ? `${minimum} to ${maximum}` : 'number'
  }
  if (format === 'uri') return 'URL'
  return format === 'uuid' || format === 'guid' ? 'GUID' : 'text'
}

function isSecretReference({ properties }: Schema): boolean {
  return (
    Object.keys(properties ?? {})
      .toSorted()
      .join() === 'env,file'
  )
}

function resolve(schema: Schema, defs: Record<string, Schema>): Schema {
  const name = schema.$ref?.replace('#/$defs/', '')
  const target = name === undefined ? schema : { ...defs[name], ...schema }
  return target.allOf ? Object.assign({}, target, ...target.allOf) : target
}

function isSchema(value: Schema | boolean | undefined): value is Schema {
  return typeof value === 'object'
}

function dropDoubles(rows: readonly SchemaRow[]): SchemaRow[] {
  return [...new Map(rows.map((row) => [row.path, row])).values()]
}

/** Cells as a table of Markdown. */
export function writeTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map((row) => line(row))].join('\n')
}
