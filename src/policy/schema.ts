// The policy file: YAML, data and not a program. Deny by default, unknown keys are errors, and every
// mistake is reported at once. One entry names the builds it trusts and the identity they may become.
import { parseDocument } from 'yaml'
import * as z from 'zod'

import { Fault, messageOf } from '../core/fault.ts'
import { parseDurationSeconds } from '../core/time.ts'
import { trustClasses, type TrustClass } from '../identity/trust-class.ts'
import { explainBadGlob } from './glob.ts'

/** An Entra application that builds may become. */
export type AzureIdentity = { name: string; tenantId: string; clientId: string }

/** Builds an entry trusts: all fields must match. */
export type PolicySubject = {
  instance: string
  repositoryId: string
  repository: string
  events: readonly TrustClass[]
  refs: readonly string[]
}

/** One entry: these builds may become this identity towards these audiences, for so long. */
export type PolicyEntry = {
  name: string
  subjects: readonly PolicySubject[]
  identity: AzureIdentity
  audiences: readonly string[]
  lifetimeSeconds: number
}

/** A loaded policy file; `sha256` names this very text in the ledger. */
export type Policy = { entries: ReadonlyMap<string, PolicyEntry> }

/** Longest life of an ID token, in seconds (DESIGN §5.7). */
export const longestLifetimeSeconds = 600

const slugText = 'lower-case letters, digits and dashes'
const entryName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, `must be made of ${slugText}`)
const guid = z.guid({ error: 'must be a GUID' })
const glob = z.string().superRefine((pattern, context) => {
  const why = explainBadGlob(pattern)
  if (why) context.addIssue({ code: 'custom', message: `"${pattern}" ${why}` })
})

const subjectSchema = z.strictObject({
  instance: entryName,
  repository_id: z.string({ error: 'must be the SCM id in quotes, such as "42"' }).min(1),
  repository: z.string().regex(/^[^/\s]+(\/[^/\s]+)+$/, 'must be of the form owner/name'),
  events: z.array(z.enum(trustClasses as [TrustClass, ...TrustClass[]])).min(1),
  refs: z.array(glob).min(1),
})

const lifetime = z.string().transform((text, context) => {
  const seconds = parseDurationSeconds(text)
  if (seconds !== undefined && seconds >= 60 && seconds <= longestLifetimeSeconds) return seconds
  context.addIssue({ code: 'custom', message: `"${text}" must be between 1m and 10m` })
  return z.NEVER
})

const entrySchema = z.strictObject({
  name: entryName,
  description: z.string().max(600).optional(),
  subjects: z.array(subjectSchema).min(1),
  identity: entryName,
  audiences: z.array(z.string().min(1).max(600)).min(1),
  lifetime: lifetime.default(longestLifetimeSeconds),
})

const fileSchema = z.strictObject({
  version: z.literal(1),
  identities: z.record(entryName, z.strictObject({ tenant_id: guid, client_id: guid })),
  policies: z.array(entrySchema),
})

/** Reads a policy file; throws config_invalid with every mistake in it. */
export function parsePolicy(text: string): Policy {
  let yaml: unknown
  try {
    const document = parseDocument(text, { uniqueKeys: true })
    // A tag or directive nobody knows is a mistake as well, not a line on stderr.
    const [mistake] = [...document.errors, ...document.warnings]
    if (mistake) throw mistake
    yaml = document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    throw new Fault('config_invalid', `The policy file is not YAML: ${messageOf(cause)}`, { cause })
  }
  const result = fileSchema.safeParse(yaml)
  if (!result.success) {
    throw problems(result.error.issues.map((issue) => `${where(issue.path)}: ${issue.message}`))
  }
  return toPolicy(result.data)
}

function toPolicy(file: z.output<typeof fileSchema>): Policy {
  const entries = new Map<string, PolicyEntry>()
  const found: string[] = []
  for (const [index, entry] of file.policies.entries()) {
    const isKnown = Object.hasOwn(file.identities, entry.identity)
    const identity = isKnown ? file.identities[entry.identity] : undefined
    const at = `policies[${index}] (${entry.name})`
    if (!identity) found.push(`${at}: identity "${entry.identity}" is not among identities`)
    if (entries.has(entry.name)) found.push(`${at}: the name is used twice`)
    for (const { events } of entry.subjects) {
      if (events.includes('fork') && events.length > 1) {
        found.push(`${at}: fork must be the only event of its subject, in a quarantine entry`)
      }
    }
    const { tenant_id: tenantId = '', client_id: clientId = '' } = identity ?? {}
    entries.set(entry.name, {
      name: entry.name,
      subjects: entry.subjects.map(({ repository_id: repositoryId, ...rest }) => ({
        ...rest,
        repositoryId,
      })),
      identity: { name: entry.identity, tenantId, clientId },
      audiences: entry.audiences,
      lifetimeSeconds: entry.lifetime,
    })
  }
  if (found.length > 0) throw problems(found)
  return { entries }
}

function where(path: PropertyKey[]): string {
  if (path.length === 0) return 'the file'
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .slice(1)
}

function problems(found: string[]): Fault {
  const list = found.map((problem) => `\n  - ${problem}`).join('')
  return new Fault('config_invalid', `The policy file has ${found.length} problem(s):${list}`)
}
