// Names that are nearly right: they are compared letter by letter, by us and by Entra, so a name that
// differs in case or by a typing slip matches nothing, silently.
import type { PlacedEntry } from './audience.ts'
import { findingAt, type Path, type TrustFinding } from './finding.ts'

type Named = { text: string; path: Path; entry: string }

/** Findings about slugs, refs and other names. */
export function lintNames(entries: readonly PlacedEntry[]): TrustFinding[] {
  return [
    ...lintStars(entries),
    ...lintSlugs(entries),
    ...entries.flatMap((each) => lintRefs(each)),
  ]
}

function lintStars(entries: readonly PlacedEntry[]): TrustFinding[] {
  return entries.flatMap(({ entry, index }) => {
    const named: [string, Path][] = [
      ...entry.subjects.flatMap(({ repository, repositoryId }, at): [string, Path][] => [
        [repository, ['policies', index, 'subjects', at, 'repository']],
        [repositoryId, ['policies', index, 'subjects', at, 'repository_id']],
      ]),
      ...entry.audiences.map((each, at): [string, Path] => [
        each,
        ['policies', index, 'audiences', at],
      ]),
    ]
    return named
      .filter(([text]) => text.includes('*'))
      .map(([text, path]) =>
        findingAt('trust_star_literal', path, `${text} is taken letter by letter, with its "*".`),
      )
  })
}

function lintSlugs(entries: readonly PlacedEntry[]): TrustFinding[] {
  const first = new Map<string, Named>()
  const found: TrustFinding[] = []
  for (const { entry, index } of entries) {
    for (const [at, { instance, repository: text }] of entry.subjects.entries()) {
      const key = `${instance} ${text.toLowerCase()}`
      const other = first.get(key)
      const path = ['policies', index, 'subjects', at, 'repository']
      if (!other) first.set(key, { text, path, entry: entry.name })
      else if (other.text !== text) {
        const message = `${text} is spelled ${other.text} in the entry "${other.entry}"; one of them matches no build.`
        found.push(findingAt('trust_slug_case', path, message))
      }
    }
  }
  return found
}

function lintRefs({ entry, index }: PlacedEntry): TrustFinding[] {
  const byRepository = Map.groupBy(
    entry.subjects.flatMap(({ instance, repositoryId, refs }, subject) =>
      refs.map((text, at) => ({
        text,
        repository: `${instance} ${repositoryId}`,
        path: ['policies', index, 'subjects', subject, 'refs', at],
        entry: entry.name,
      })),
    ),
    ({ repository }) => repository,
  )
  return [...byRepository.values()].flatMap((refs) => [
    ...refs.filter(({ text }) => !text.startsWith('refs/')).map((ref) => explainShort(ref)),
    ...refs.flatMap((ref, at) => {
      const near = refs.slice(0, at).find(({ text }) => isNear(text, ref.text))
      return near ? [explainNear(near, ref)] : []
    }),
  ])
}

function explainShort({ text, path }: Named): TrustFinding {
  return findingAt('trust_ref_short', path, `No build has the ref ${text}: refs begin with refs/.`)
}

function explainNear(one: Named, other: Named): TrustFinding {
  const isCase = one.text.toLowerCase() === other.text.toLowerCase()
  return isCase
    ? findingAt('trust_refs_case', other.path, `${other.text} and ${one.text} differ in case only.`)
    : findingAt('trust_refs_near', other.path, `${other.text} and ${one.text} are easily confused.`)
}

// Case, and signs that are typed for one another. Numbers are left alone: release/1 and release/2 are two.
function isNear(one: string, other: string): boolean {
  if (one === other) return false
  const plain = (ref: string) =>
    ref
      .toLowerCase()
      .replace(/^(refs\/)?heads?\//, 'heads/')
      .replace(/^(refs\/)?tags?\//, 'tags/')
      .replaceAll(/[-_.\s]+/g, '-')
      .replace(/\/+$/, '')
  return plain(one) === plain(other)
}
