// A rename in the words of the policy: which subjects it is about, and the policy with the new name
// beside the old one, or in place of it. Pure.
import { Fault } from '../core/fault.ts'
import { toPolicy, type Policy, type PolicyEntry, type PolicySubject } from '../policy/schema.ts'

/** What a person asks for: slugs, or `owner/*` on both sides; a transfer may bring a new id. */
export type RenameOrder = {
  from: string
  to: string
  newId: string | undefined
  /** The CI instance; needed only where the same name is known to several. */
  instance: string | undefined
}

/** The rename of one repository of one CI instance. */
export type Rename = { instance: string; from: string; to: string; fromId: string; toId: string }

const slugForm = /^[^/\s*=]+(\/[^/\s*=]+)+$/

/** Reads OLD=NEW; throws cli_usage. */
export function readOrder(
  text: string,
  { newId, instance }: { newId?: string | undefined; instance?: string | undefined } = {},
): RenameOrder {
  const [from = '', to = '', ...more] = text.split('=')
  const isOwners = [from, to].every((each) => /^[^\s*=]+\/\*$/.test(each))
  const isSlugs = [from, to].every((each) => slugForm.test(each))
  if (more.length > 0 || from === to || !(isOwners || isSlugs)) {
    throw usage('--rename is OLD=NEW, two slugs (owner/name) or two owners (owner/*=newowner/*).')
  }
  if (newId !== undefined && (newId === '' || isOwners)) {
    throw usage('--new-id is the new id of one repository.')
  }
  return { from, to, newId, instance }
}

/** The repositories of the policy that the order is about, in the order of the file; throws cli_usage. */
export function findRenames(policy: Policy, order: RenameOrder): Rename[] {
  const found = new Map<string, Rename>()
  for (const { instance, repository, repositoryId } of listSubjects(policy)) {
    const to = newNameOf(order, repository)
    if (to === undefined || (order.instance ?? instance) !== instance) continue
    const rename = {
      instance,
      from: repository,
      to,
      fromId: repositoryId,
      toId: order.newId ?? repositoryId,
    }
    found.set(keyOf(rename), rename)
  }
  const renames = [...found.values()]
  const instances = [...new Set(renames.map(({ instance }) => instance))]
  if (instances.length > 1) {
    // Two source-code hosts may each have a repository of this name.
    throw usage(
      `${order.from} is known to the CI instances ${instances.join(', ')}: choose one with --instance.`,
    )
  }
  return renames
}

/** Whether the policy has the new name beside the old one wherever that is. */
export function isStarted(policy: Policy, rename: Rename): boolean {
  return [...policy.entries.values()].every(({ subjects }) =>
    subjects.every((each) => !isOld(rename, each) || hasTwin(subjects, rename, each)),
  )
}

/** The policy with a second subject, under the new name, behind each that has the old one. */
export function addNew(policy: Policy, renames: readonly Rename[]): Policy {
  return changeSubjects(policy, (subjects) =>
    subjects.flatMap((subject) => {
      const rename = renames.find((each) => isOld(each, subject))
      if (!rename || hasTwin(subjects, rename, subject)) return [subject]
      return [subject, renamed(rename, subject)]
    }),
  )
}

/** The policy without those subjects of the old name that have one under the new name. */
export function dropOld(policy: Policy, renames: readonly Rename[]): Policy {
  return changeSubjects(policy, (subjects) =>
    subjects.filter((subject) => {
      const rename = renames.find((each) => isOld(each, subject))
      return !rename || !hasTwin(subjects, rename, subject)
    }),
  )
}

/** The policy as it was before the new names came in. */
export function dropNew(policy: Policy, renames: readonly Rename[]): Policy {
  return changeSubjects(policy, (subjects) =>
    subjects.filter(
      (subject) =>
        !renames.some((rename) =>
          subjects.some(
            (other) => isOld(rename, other) && isSameSubject(renamed(rename, other), subject),
          ),
        ),
    ),
  )
}

/** Whether a subject is of the repository under its old name. */
export function isOld(
  { instance, from, fromId }: Rename,
  subject: Pick<PolicySubject, 'instance' | 'repository' | 'repositoryId'>,
): boolean {
  return (
    subject.instance === instance && subject.repository === from && subject.repositoryId === fromId
  )
}

/** Whether the new name is there with the same events and refs. */
export function hasTwin(
  subjects: readonly PolicySubject[],
  rename: Rename,
  subject: PolicySubject,
): boolean {
  const twin = renamed(rename, subject)
  return subjects.some((each) => isSameSubject(each, twin))
}

function renamed({ to, toId }: Rename, subject: PolicySubject): PolicySubject {
  return { ...subject, repository: to, repositoryId: toId }
}

function isSameSubject(one: PolicySubject, other: PolicySubject): boolean {
  const plain = ({ instance, repository, repositoryId, events, refs }: PolicySubject) =>
    JSON.stringify([instance, repository, repositoryId, events, refs])
  return plain(one) === plain(other)
}

function newNameOf({ from, to }: RenameOrder, repository: string): string | undefined {
  if (!from.endsWith('/*')) return repository === from ? to : undefined
  const owner = from.slice(0, -1)
  return repository.startsWith(owner) ? to.slice(0, -1) + repository.slice(owner.length) : undefined
}

function changeSubjects(
  policy: Policy,
  change: (subjects: readonly PolicySubject[]) => readonly PolicySubject[],
): Policy {
  const entries = [...policy.entries.values()].map((entry): PolicyEntry => ({
    ...entry,
    subjects: change(entry.subjects),
  }))
  return { ...policy, ...toPolicy(entries) }
}

function listSubjects(policy: Policy): PolicySubject[] {
  return [...policy.entries.values()].flatMap(({ subjects }) => subjects)
}

function keyOf({ instance, from, fromId }: Rename): string {
  return JSON.stringify([instance, from, fromId])
}

function usage(sentence: string): Fault {
  return new Fault('cli_usage', `trust rotate: ${sentence}`, {
    hint: 'Run `azure-storage-drone trust --help`.',
  })
}
