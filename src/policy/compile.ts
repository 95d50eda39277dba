// The policy as an index: subjects by repository, refs as ready matchers, so that a decision looks at
// the few subjects that name the build's repository and never at the whole file.
import type { Build } from '../ci/build.ts'
import { compileGlob } from './glob.ts'
import type { Policy, PolicyEntry, PolicySubject } from './schema.ts'

/** One subject of one entry, ready to be matched. */
export type IndexedSubject = {
  entry: PolicyEntry
  subject: PolicySubject
  matchesRef: (ref: string) => boolean
}

/** Subjects by instance and repository id, in the order of the file, and the same by entry. */
export type PolicyIndex = {
  /** The entries it was made of. */
  entries: Policy['entries']
  byRepository: ReadonlyMap<string, ReadonlyMap<string, RepositoryIndex>>
}

type RepositoryIndex = {
  subjects: IndexedSubject[]
  byEntry: Map<string, IndexedSubject[]>
}

/** Indexes the entries of a policy. */
export function compileIndex(entries: Policy['entries']): PolicyIndex {
  const byRepository = new Map<string, Map<string, RepositoryIndex>>()
  for (const entry of entries.values()) {
    for (const subject of entry.subjects) {
      const ofInstance = setDefault(byRepository, subject.instance, () => new Map())
      const place = setDefault(ofInstance, subject.repositoryId, (): RepositoryIndex => ({
        subjects: [],
        byEntry: new Map(),
      }))
      const indexed = indexSubject(entry, subject)
      place.subjects.push(indexed)
      setDefault(place.byEntry, entry.name, (): IndexedSubject[] => []).push(indexed)
    }
  }
  return { entries, byRepository }
}

function indexSubject(entry: PolicyEntry, subject: PolicySubject): IndexedSubject {
  const matchers = subject.refs.map((pattern) => compileGlob(pattern))
  return { entry, subject, matchesRef: (ref) => matchers.some((matches) => matches(ref)) }
}

/** The subjects that may name this build's repository, of one entry or of all; each still has to be compared. */
export function findSubjects(
  policy: Policy,
  build: Build,
  entryName?: string,
): readonly IndexedSubject[] {
  // An index of other entries (a changed copy of a policy) is none.
  const index = policy.index?.entries === policy.entries ? policy.index : undefined
  const { byRepository } = index ?? compileIndex(policy.entries)
  const place = byRepository.get(build.instance)?.get(build.repository.uid)
  if (!place) return []
  return entryName === undefined ? place.subjects : (place.byEntry.get(entryName) ?? [])
}

function setDefault<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make()
  map.set(key, value)
  return value
}
