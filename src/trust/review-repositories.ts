// The repositories of the policy against those of the CI servers: a subject trusts an id and a name, and
// either can go to somebody else (facts/federation.md §7.2, "name recycling"). Pure.
import type { Policy } from '../policy/schema.ts'
import type { Path } from './finding.ts'
import { foundAt, type ReviewFinding } from './review-rules.ts'

/** A repository as a CI server knows it; `uid` is its id at the source-code host. */
export type SeenRepository = { uid: string; slug: string; isActive: boolean }

/** A repository the policy names, and where it does so first. */
export type NamedRepository = { instance: string; uid: string; slug: string; path: Path }

/** What a CI server told of its repositories; of a list that is not whole, what is missing may be there. */
export type SeenRepositories = { repositories: readonly SeenRepository[]; isWhole: boolean }

/** By instance: what its server told, or one sentence on why it was not asked. */
export type AskedInstances = ReadonlyMap<string, SeenRepositories | string>

const namesTold = 5

/** Every repository that entries of a tenant's identities name, once. */
export function nameRepositories({ entries }: Policy, tenantId: string): NamedRepository[] {
  const named = new Map<string, NamedRepository>()
  for (const [index, { identity, subjects }] of [...entries.values()].entries()) {
    if (identity.tenantId.toLowerCase() !== tenantId.toLowerCase()) continue
    for (const [number, { instance, repositoryId: uid, repository: slug }] of subjects.entries()) {
      const key = JSON.stringify([instance, uid, slug])
      const path = ['policies', index, 'subjects', number, 'repository']
      if (!named.has(key)) named.set(key, { instance, uid, slug, path })
    }
  }
  return [...named.values()]
}

/** What is to be said of the repositories; an instance nobody asked is told with its reason. */
export function reviewRepositories(
  named: readonly NamedRepository[],
  asked: AskedInstances,
): ReviewFinding[] {
  return [...Map.groupBy(named, ({ instance }) => instance)].flatMap(([instance, own]) => {
    const seen = asked.get(instance) ?? `The CI server "${instance}" was not asked.`
    if (typeof seen === 'string') {
      return [foundAt('review_repositories_unchecked', own[0]?.path ?? [], seen)]
    }
    const byUid = new Map(seen.repositories.map((each) => [each.uid, each]))
    const bySlug = new Map(seen.repositories.map((each) => [each.slug, each]))
    const names = new Set(own.map(({ uid, slug }) => JSON.stringify([uid, slug])))
    const isNamed = ({ uid, slug }: SeenRepository) => names.has(JSON.stringify([uid, slug]))
    const hidden: NamedRepository[] = []
    const found = own.flatMap((each) => {
      const now = byUid.get(each.uid)
      // In the middle of a rename the policy has both names, and builds get in under either.
      if (now && now.slug !== each.slug && isNamed(now) && !bySlug.has(each.slug)) return []
      const judged = judge(each, now, bySlug.get(each.slug))
      if (judged !== 'missing') return judged
      if (!seen.isWhole) hidden.push(each)
      return seen.isWhole ? [gone(each)] : []
    })
    return [...found, ...tellHidden(instance, hidden, own.length)]
  })
}

function judge(
  { instance, uid, slug, path }: NamedRepository,
  now: SeenRepository | undefined,
  holder: SeenRepository | undefined,
): ReviewFinding[] | 'missing' {
  const found: ReviewFinding[] = []
  if (holder && holder.uid !== uid) {
    const message = `In "${instance}" the name ${slug} belongs to the repository ${holder.uid}, and the policy means ${uid}.`
    found.push(foundAt('review_repository_replaced', path, message))
  }
  if (now && now.slug !== slug) {
    const message = `In "${instance}" the repository ${uid} is called ${now.slug}, and the policy calls it ${slug}: run trust rotate --rename ${slug}=${now.slug}`
    found.push(foundAt('review_repository_renamed', path, message))
  }
  if (now && !now.isActive) {
    const message = `The repository ${now.slug} (${uid}) is not active in "${instance}".`
    found.push(foundAt('review_repository_inactive', path, message))
  }
  return found.length > 0 || now ? found : 'missing'
}

function gone({ instance, uid, slug, path }: NamedRepository): ReviewFinding {
  const message = `There is no repository ${slug} (${uid}) in "${instance}".`
  return foundAt('review_repository_gone', path, message)
}

function tellHidden(
  instance: string,
  hidden: readonly NamedRepository[],
  total: number,
): ReviewFinding[] {
  const [first] = hidden
  if (!first) return []
  const names = hidden.slice(0, namesTold).map(({ slug }) => slug)
  const rest = hidden.length > namesTold ? `, and ${hidden.length - namesTold} more` : ''
  const message = `The CI server "${instance}" does not show ${hidden.length} of ${total} repositories to the owner of this token, who is no administrator: ${names.join(', ')}${rest}.`
  return [foundAt('review_repositories_unchecked', first.path, message)]
}
