// The subject of an ID token: repository-tied, immutable and few, because Entra matches it exactly
// and allows 20 per application (DESIGN §5.5). Every variable part is percent-encoded, so a subject
// parses back to exactly one set of facts; one over 127 bytes (GCP's limit) is refused, never cut.
import type { Build } from '../ci/build.ts'
import { Fault } from '../core/fault.ts'
import type { TrustClass } from './trust-class.ts'

/** The `sub` claim, at most 127 ASCII bytes. */
export type Subject = string & { readonly brand: 'Subject' }

/** Longest subject, in bytes. */
export const subjectLimitBytes = 127

/** What a subject says of one repository's builds, decoded. */
export type RepositoryFacts = { slug: string; uid: string; kind: string; value: string }

/** A subject that stands for all builds of one policy entry, or of all entries of one identity. */
export type NamedFacts = { named: 'policy' | 'identity'; name: string }

/** What a subject says, decoded. */
export type SubjectFacts = RepositoryFacts | NamedFacts

/** The subject of a build of this class; throws identity_subject_too_long or identity_name_invalid. */
export function toSubject(build: Build, trustClass: TrustClass): Subject {
  const { slug, uid } = build.repository
  const facts = { slug, uid, ...classFacts(build, trustClass) }
  checkNames([slug, uid, facts.value])
  const subject = formatSubject(facts)
  return checkLength(subject)
}

/** The subject that all builds of a policy entry or identity share; throws identity_name_invalid. */
export function toNamedSubject(build: Build, named: NamedFacts['named'], name: string): Subject {
  checkNames([build.repository.slug, build.repository.uid, build.ref, build.cron, build.deployTo])
  return checkLength(formatSubject({ named, name }))
}

// A lone surrogate would be written as U+FFFD, and two names would share one subject.
function checkNames(names: readonly string[]): void {
  if (names.every((name) => name.isWellFormed())) return
  throw new Fault('identity_name_invalid', 'A name in this build is not valid Unicode text.')
}

function checkLength(subject: Subject): Subject {
  if (subject.length > subjectLimitBytes) {
    throw new Fault(
      'identity_subject_too_long',
      `The subject of this build would be ${subject.length} bytes long ("${subject}"), more than the ${subjectLimitBytes} that every cloud accepts.`,
    )
  }
  return subject
}

/** Writes facts as a subject; the inverse of parseSubject. */
export function formatSubject(facts: SubjectFacts): Subject {
  if ('named' in facts) return `${facts.named}:${encodePart(facts.name)}` as Subject
  const { slug, uid, kind, value } = facts
  const repository = `repo:${encodePart(slug)}@${encodePart(uid)}`
  const tail = value === '' ? kind : `${kind}:${encodePart(value)}`
  return `${repository}:${tail}` as Subject
}

/** Reads a subject back; undefined when it is not one of ours. */
export function parseSubject(text: string): SubjectFacts | undefined {
  const named = /^(policy|identity):([^:@]+)$/.exec(text)
  if (named) return parseNamed(named[1] as NamedFacts['named'], text)
  const match = /^repo:([^:@]+)@([^:@]+):([a-z_]+)(?::([^:@]+))?$/.exec(text)
  if (!match) return undefined
  const [slug, uid, value] = [match[1], match[2], match[4] ?? ''].map((part) => decodePart(part))
  const kind = match[3]
  if (slug === undefined || uid === undefined || value === undefined || !kind) return undefined
  return formatSubject({ slug, uid, kind, value }) === text ? { slug, uid, kind, value } : undefined
}

function parseNamed(named: NamedFacts['named'], text: string): NamedFacts | undefined {
  const name = decodePart(text.slice(named.length + 1))
  if (name === undefined) return undefined
  return formatSubject({ named, name }) === text ? { named, name } : undefined
}

function classFacts(build: Build, trustClass: TrustClass): { kind: string; value: string } {
  switch (trustClass) {
    case 'push':
      return { kind: 'ref', value: build.ref }
    case 'promote':
      return { kind: 'environment', value: build.deployTo }
    case 'rollback':
      return { kind: 'rollback', value: build.deployTo }
    case 'cron':
      return { kind: 'cron', value: build.cron }
    case 'custom':
      return { kind: 'custom', value: build.ref }
    case 'tag':
    case 'pull_request':
    case 'fork':
      return { kind: trustClass, value: '' }
    default:
      return { kind: 'params', value: trustClass.slice('params:'.length) }
  }
}

// Everything but these is encoded: `:` and `@` separate parts, `*` and `?` are wildcards elsewhere.
const plainBytes = /^[A-Za-z0-9._/-]$/
const plainText = /^[A-Za-z0-9._/-]*$/

function encodePart(part: string): string {
  if (plainText.test(part)) return part
  return [...new TextEncoder().encode(part)]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return plainBytes.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

function decodePart(part: string | undefined): string | undefined {
  if (part === undefined) return undefined
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}
