// What the form of a policy file cannot say: names that must exist, be unique or agree, classes that
// exclude each other, grants nobody could enforce. It reads the data as it stands, so that these
// mistakes are reported together with those of form.
import { trustClasses } from '../identity/trust-class.ts'
import { can, closeVerbs, findEnforcer, isCreateOnly, isVerb } from './grant.ts'
import type { Problem } from './source.ts'
import { didYouMean, quote } from './spelling.ts'

type Loose = Readonly<Record<string, unknown>>
type Path = readonly (string | number)[]

const resourceKeys = ['subscription', 'resource_group', 'location'] as const

type LooseEntry = { path: Path; data: Loose; name: string | undefined; classes: string[] }

/** Every mistake of meaning in data that may be of any form; none when there is nothing to compare. */
export function findMistakes(file: unknown, gatewayServes: boolean): Problem[] {
  const identities = isMap(file) && isMap(file['identities']) ? file['identities'] : undefined
  const entries = maps(isMap(file) ? file['policies'] : undefined).map(([index, data]) => ({
    path: ['policies', index],
    data,
    name: text(data['name']),
    classes: classesOf(data),
  }))
  return [
    ...findNames(entries, identities),
    ...findIdentityMistakes(identities ?? {}),
    ...entries.flatMap((entry) => [
      ...findClassMistakes(entry),
      ...findGrantMistakes(entry, gatewayServes),
    ]),
    ...findDisagreements(entries),
  ]
}

function findNames(entries: readonly LooseEntry[], identities: Loose | undefined): Problem[] {
  const problems: Problem[] = []
  const names = new Set<string>()
  for (const { path, data, name } of entries) {
    const identity = text(data['identity'])
    if (identities && identity !== undefined && !Object.hasOwn(identities, identity)) {
      const near = didYouMean(identity, Object.keys(identities))
      const message = `identity ${quote(identity)} is not among identities${near}`
      problems.push({ path: [...path, 'identity'], message })
    }
    if (name === undefined) continue
    if (names.has(name)) {
      problems.push({ path: [...path, 'name'], message: `${quote(name)}: the name is used twice` })
    }
    names.add(name)
  }
  return problems
}

// Where a managed identity is has to be known; of an application it would mean nothing.
function findIdentityMistakes(identities: Loose): Problem[] {
  return Object.entries(identities).flatMap(([name, identity]) => {
    if (!isMap(identity)) return []
    const path = ['identities', name]
    const isManaged = identity['kind'] === 'managed_identity'
    const displayName = text(identity['display_name'])
    const problems: Problem[] = resourceKeys
      .filter((key) => isManaged !== (identity[key] !== undefined))
      // One that is there already needs no region.
      .filter((key) => !(isManaged && key === 'location' && identity['client_id'] !== undefined))
      .map((key) =>
        isManaged
          ? { path, message: `kind: managed_identity needs ${key}` }
          : { path: [...path, key], on: 'key', message: 'only kind: managed_identity has this' },
      )
    if (isManaged && displayName !== undefined && !/^[A-Za-z0-9][\w-]{2,119}$/.test(displayName)) {
      const message = `${quote(displayName)}: a managed identity is named with 3 to 120 letters, digits, _ and -`
      problems.push({ path: [...path, 'display_name'], message })
    }
    return problems
  })
}

function findClassMistakes({ path, data, classes }: LooseEntry): Problem[] {
  const problems: Problem[] = []
  for (const [index, subject] of maps(data['subjects'])) {
    const events = texts(subject['events'])
    if (events.includes('fork') && events.length > 1) {
      const message = 'fork must be the only event of its subject, in a quarantine entry'
      problems.push({ path: [...path, 'subjects', index, 'events'], message })
    }
  }
  const form = data['subject']
  if ((form === 'policy' || form === 'identity') && classes.length > 1) {
    const message = `an entry with one subject for all its builds covers one trust class, not ${classes.join(', ')}`
    problems.push({ path: [...path, 'subject'], message })
  }
  if (data['direct'] === true) {
    const never = classes.filter((each) => isNeverDirect(each))
    if (never.length > 0) {
      const message = `a plain ID token is never handed to ${never.join(', ')} builds; give them an entry of their own`
      problems.push({ path: [...path, 'direct'], message })
    }
  }
  return problems
}

function isNeverDirect(trustClass: string): boolean {
  return trustClass === 'pull_request' || trustClass === 'fork' || trustClass.startsWith('params:')
}

// One subject of many entries means one trust: it must say the same of every build that bears it.
function findDisagreements(entries: readonly LooseEntry[]): Problem[] {
  const first = new Map<string, LooseEntry>()
  const problems: Problem[] = []
  for (const entry of entries) {
    const identity = text(entry.data['identity'])
    if (entry.data['subject'] !== 'identity' || identity === undefined) continue
    const other = first.get(identity)
    if (!other) first.set(identity, entry)
    else if (other.classes.join(' ') !== entry.classes.join(' ')) {
      const message = `every entry with the subject identity:${identity} covers the same trust class: this one ${entry.classes.join(', ')}, ${quote(other.name ?? '')} ${other.classes.join(', ')}`
      problems.push({ path: [...entry.path, 'subject'], message })
    }
  }
  return problems
}

function findGrantMistakes({ path, data }: LooseEntry, gatewayServes: boolean): Problem[] {
  const problems: Problem[] = []
  const ids = new Set<string>()
  for (const [index, grant] of maps(data['grants'])) {
    const at = [...path, 'grants', index]
    const id = text(grant['id'])
    if (id !== undefined && ids.has(id)) {
      problems.push({ path: [...at, 'id'], message: `${quote(id)}: the id is used twice` })
    }
    if (id !== undefined) ids.add(id)
    const message = explainGrant(grant, gatewayServes)
    if (message) problems.push({ path: at, message })
  }
  return problems
}

function explainGrant(grant: Loose, gatewayServes: boolean): string | undefined {
  const service = grant['service']
  const some = closeVerbs(texts(grant['verbs']).filter((verb) => isVerb(verb)))
  if ((service !== 'blob' && service !== 'file') || some.length === 0) return undefined
  if (grant['create_only'] === true && (!isCreateOnly({ verbs: some }) || can(some, 'delete'))) {
    return 'create_only needs the verb create, and neither write nor delete'
  }
  if (some.includes('sas.delegate') && !some.includes('blob.read')) {
    return 'sas.delegate needs blob.read: a link gives away what its maker may read'
  }
  const { enforcedBy, why } = findEnforcer({
    service,
    prefix: text(grant['prefix']) ?? '',
    verbs: some,
  })
  if (enforcedBy !== 'gateway' || gatewayServes) return undefined
  return `only a gateway can enforce this grant (${why}), and none serves it`
}

function classesOf(entry: Loose): string[] {
  const named = new Set(maps(entry['subjects']).flatMap(([, subject]) => texts(subject['events'])))
  return trustClasses.filter((each) => named.has(each))
}

function isMap(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function maps(value: unknown): [index: number, data: Loose][] {
  if (!Array.isArray(value)) return []
  return [...value.entries()].filter((pair): pair is [number, Loose] => isMap(pair[1]))
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}
