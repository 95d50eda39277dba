// Every subject that builds of an entry can have, as far as the entry alone says it: what federated
// credentials are made from. It mirrors identity/trust-class.ts and identity/subject.ts, and a property
// test holds it to what they really mint.
import { formatSubject, subjectLimitBytes, type RepositoryFacts } from '../identity/subject.ts'
import { isPullRequestRef, type TrustClass } from '../identity/trust-class.ts'
import type { PolicyEntry, PolicySubject } from '../policy/schema.ts'
import { findingAt, type Path, type TrustFinding } from './finding.ts'

/** One subject of one CI instance, and the part of the policy it comes from. */
export type EnumeratedSubject = {
  instance: string
  subject: string
  /** For people: which builds these are. */
  builds: string
  path: Path
}

/** The subjects that can be listed, and why others cannot. */
export type Enumeration = { subjects: EnumeratedSubject[]; findings: TrustFinding[] }

/** Lists the subjects of an entry, the `index`-th of its file. */
export function listEntrySubjects(entry: PolicyEntry, index: number): Enumeration {
  const subjects = new Map<string, EnumeratedSubject>()
  const findings: TrustFinding[] = []
  for (const [at, subject] of entry.subjects.entries()) {
    const path = ['policies', index, 'subjects', at]
    for (const trustClass of subject.events) {
      const refs = [...subject.refs.entries()].filter(([, ref]) => mayHave(trustClass, ref))
      if (refs.length === 0) {
        findings.push(explainDead(path, subject, trustClass))
        continue
      }
      const found = listForClass({ entry, subject, trustClass, path, refs })
      for (const each of found.subjects) {
        const key = `${each.instance} ${each.subject}`
        if (!subjects.has(key)) subjects.set(key, each)
      }
      findings.push(...found.findings)
    }
  }
  return { subjects: [...subjects.values()], findings }
}

/** Whether a build of this class can have the ref, or one that the pattern matches. */
export function mayHave(trustClass: TrustClass, ref: string): boolean {
  // Every ref of a pattern begins with what stands before its first star.
  const head = ref.split('*', 1)[0] ?? ''
  const plain = trustClass.replace(/^params:/, '')
  if (plain === 'pull_request' || plain === 'fork') return true
  if (isPullRequestRef(head)) return false
  return plain !== 'push' || !head.startsWith('refs/tags/')
}

type ClassOfSubject = {
  entry: PolicyEntry
  subject: PolicySubject
  trustClass: TrustClass
  path: Path
  refs: [number, string][]
}

function listForClass(input: ClassOfSubject): Enumeration {
  const { entry, subject, trustClass, path } = input
  const { instance, repository } = subject
  const builds = `${repository} ${trustClass}`
  if (entry.subjectForm !== 'repository') {
    const name = entry.subjectForm === 'policy' ? entry.name : entry.identity.name
    const text = formatSubject({ named: entry.subjectForm, name })
    return { subjects: [{ instance, subject: text, builds, path }], findings: [] }
  }
  switch (trustClass) {
    case 'push':
    case 'custom':
      return listRefs(input, trustClass === 'push' ? 'ref' : 'custom')
    case 'promote':
    case 'rollback':
    case 'cron': {
      const what = trustClass === 'cron' ? 'cron job' : 'target'
      const message = `Builds of the class ${trustClass} have a subject for each ${what}, and the entry "${entry.name}" names none.`
      return {
        subjects: [],
        findings: [findingAt('trust_subject_open', [...path, 'events'], message)],
      }
    }
    case 'tag':
    case 'pull_request':
    case 'fork':
      return listOne(input, { kind: trustClass, value: '' }, [...path, 'events'])
    default: {
      const value = trustClass.slice('params:'.length)
      return listOne(input, { kind: 'params', value }, [...path, 'events'])
    }
  }
}

function listRefs(input: ClassOfSubject, kind: string): Enumeration {
  const found = input.refs.map(([index, ref]): Enumeration => {
    const path = [...input.path, 'refs', index]
    if (!ref.includes('*')) return listOne(input, { kind, value: ref }, path)
    const message = `The pattern ${ref} gives each ref a subject of its own, and Entra would take the "*" as a letter.`
    return { subjects: [], findings: [findingAt('trust_subject_open', path, message)] }
  })
  return {
    subjects: found.flatMap(({ subjects }) => subjects),
    findings: found.flatMap(({ findings }) => findings),
  }
}

function listOne(
  { subject, trustClass }: ClassOfSubject,
  facts: Pick<RepositoryFacts, 'kind' | 'value'>,
  path: Path,
): Enumeration {
  const { instance, repository: slug, repositoryId: uid } = subject
  // Such a build is refused (identity_name_invalid), and another name would be written the same.
  if (![slug, uid, facts.value].every((name) => name.isWellFormed())) {
    return { subjects: [], findings: [] }
  }
  const text = formatSubject({ slug, uid, ...facts })
  if (text.length > subjectLimitBytes) {
    const message = `The subject ${text} has ${text.length} bytes, more than ${subjectLimitBytes}.`
    return { subjects: [], findings: [findingAt('trust_subject_long', path, message)] }
  }
  const builds = `${slug} ${trustClass}${facts.value === '' ? '' : ` ${facts.value}`}`
  return { subjects: [{ instance, subject: text, builds, path }], findings: [] }
}

function explainDead(path: Path, { refs }: PolicySubject, trustClass: TrustClass): TrustFinding {
  const message = `No build of the class ${trustClass} has a ref such as ${refs.join(', ')}.`
  return findingAt('trust_ref_dead', [...path, 'events'], message)
}
