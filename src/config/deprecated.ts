// Settings that have a new name. The old one works on until the release that removes it, with a warning;
// both at once are a mistake.

/** A setting with its new name beside it; in the path of the old one `*` is any name. */
export type Deprecation = {
  /** Dotted path of the old name. */
  from: string
  /** The new name, in the same place. */
  to: string
  /** Release that brought the new name. */
  since: string
  /** Release that will refuse the old one. */
  removedIn: string
}

/** The old names that this release still reads. */
export const deprecatedNames: readonly Deprecation[] = [
  { from: 'database.pool', to: 'max_connections', since: '0.1.0', removedIn: '0.3.0' },
]

/** The file with new names only; a sentence for each old one is added to `warnings`, mistakes to `found`. */
export function renameDeprecated(
  deprecations: readonly Deprecation[],
  file: unknown,
  { warnings, found }: { warnings: string[]; found: string[] },
): unknown {
  const renamed = structuredClone(file)
  for (const { from, to, since, removedIn } of deprecations) {
    for (const { holder, name, path } of findPlaces(renamed, from.split('.'))) {
      const place = path.slice(0, -name.length)
      if (Object.hasOwn(holder, to)) {
        found.push(`${path}: is the old name of ${place}${to}; give one of them`)
      } else {
        warnings.push(
          `${path}: is called ${place}${to} since ${since}; the old name is refused from ${removedIn} on`,
        )
        holder[to] = holder[name]
      }
      delete holder[name]
    }
  }
  return renamed
}

type Node = Record<string, unknown>
type Place = { holder: Node; name: string; path: string }

function findPlaces(node: unknown, [name = '', ...rest]: readonly string[], path = ''): Place[] {
  if (!isNode(node)) return []
  const names =
    name === '*' ? Object.keys(node) : [name].filter((each) => Object.hasOwn(node, each))
  if (rest.length === 0) {
    return names.map((each) => ({ holder: node, name: each, path: `${path}${each}` }))
  }
  return names.flatMap((each) => findPlaces(node[each], rest, `${path}${each}.`))
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
