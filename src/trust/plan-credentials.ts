// The difference in federated credentials. Entra keeps one credential per issuer and subject, so that is
// what they are matched by; the name comes second, because it cannot be changed.
import type { ActualCredential, ActualState } from './actual.ts'
import type { Change, PlanNote } from './change.ts'
import { credentialLimit } from './counts.ts'
import type { DesiredCredential } from './desired.ts'
import { credentialPrefix } from './ownership.ts'
import { isOurs, isSame, type FoundIdentity, type PlanPart } from './plan-part.ts'

type CredentialChange = Extract<Change, { kind: 'credential' }>

/** Credentials to add, update and remove on one identity. */
export function planCredentials(
  installation: string,
  { desired, clientId }: FoundIdentity,
  { credentials }: ActualState,
): PlanPart {
  const identity = desired.name
  const present = credentials.filter((each) => isSame(each.clientId, clientId))
  const kept = new Set<ActualCredential>()
  const changes: CredentialChange[] = []
  const notes: PlanNote[] = []
  const make = changeOf({ identity, clientId })
  for (const wanted of desired.credentials) {
    const twin = present.find(
      ({ issuer, subject }) => issuer === wanted.issuer && subject === wanted.subject,
    )
    const found = twin ?? present.find(({ name }) => name === wanted.name)
    if (!found) {
      changes.push(make('add', wanted))
      continue
    }
    kept.add(found)
    const isManaged = desired.kind === 'managed_identity'
    const differences = compare(found, wanted, isManaged)
    if (isOurCredential(installation, found, wanted)) {
      const named = { ...wanted, name: found.name }
      if (differences.length > 0) changes.push(make('update', named, differences))
    } else if (differences.some((each) => !each.startsWith('description'))) {
      const message = `The credential "${found.name}" has the issuer and subject ${wanted.subject} with another audience, and it is not ours: remove it by hand.`
      notes.push({ code: 'plan_credential_conflict', identity, message, isBlocking: true })
    }
  }
  const rest = present.filter((each) => !kept.has(each))
  const ours = rest.filter((each) => isOurCredential(installation, each))
  notes.push(
    ...rest.filter((each) => !ours.includes(each)).map((each) => noteForeign(identity, each)),
  )
  const removals = ours.map((each) => make('remove', toPlanned(each)))
  return arrange({ identity, present: present.length, changes, removals, notes })
}

/** Credentials of ours on applications that the policy no longer leads to. */
export function planStrayCredentials(
  installation: string,
  identities: readonly FoundIdentity[],
  { credentials }: ActualState,
): PlanPart {
  const stray = credentials.filter(
    (each) =>
      !identities.some(({ clientId }) => isSame(clientId, each.clientId)) &&
      isOurCredential(installation, each),
  )
  const removals = stray.map((each) =>
    changeOf({ identity: each.clientId, clientId: each.clientId })('remove', toPlanned(each)),
  )
  return { changes: [], removals, notes: [] }
}

// Room for what is new is made first where there is none; otherwise the old one serves until the end.
function arrange({
  identity,
  present,
  changes,
  removals,
  notes,
}: {
  identity: string
  present: number
  changes: CredentialChange[]
  removals: CredentialChange[]
  notes: PlanNote[]
}): PlanPart {
  const added = changes.filter(({ action }) => action === 'add').length
  const excess = present + added - credentialLimit
  if (excess > removals.length) {
    const message = `The identity "${identity}" would have ${present + added - removals.length} federated credentials, and Entra takes ${credentialLimit}.`
    notes.push({ code: 'plan_credentials_many', identity, message, isBlocking: true })
  }
  const first = removals.slice(0, Math.max(0, excess))
  return { changes: [...first, ...changes], removals: removals.slice(first.length), notes }
}

function changeOf({ identity, clientId }: { identity: string; clientId: string | undefined }) {
  return (
    action: CredentialChange['action'],
    credential: CredentialChange['credential'],
    differences: string[] = [],
  ): CredentialChange => ({
    kind: 'credential',
    action,
    identity,
    clientId,
    credential,
    differences,
  })
}

// Those of managed identities have no description: their name alone says whose they are.
function isOurCredential(
  installation: string,
  { name, description }: ActualCredential,
  wanted?: DesiredCredential,
): boolean {
  if (isOurs(installation, description) || name === wanted?.name) return true
  return description === undefined && name.startsWith(credentialPrefix(installation))
}

function compare(found: ActualCredential, wanted: DesiredCredential, isManaged: boolean): string[] {
  const [audience, ...more] = found.audiences
  const pairs: [string, string | null | undefined, string][] = [
    ['issuer', found.issuer, wanted.issuer],
    ['subject', found.subject, wanted.subject],
    ['audience', more.length > 0 ? found.audiences.join(' ') : audience, wanted.audience],
    ...(isManaged
      ? []
      : [
          ['description', found.description, wanted.description] satisfies [
            string,
            unknown,
            string,
          ],
        ]),
  ]
  return pairs
    .filter(([, before, after]) => before !== after)
    .map(([field, before, after]) => `${field}: ${before ?? '(none)'} -> ${after}`)
}

function toPlanned(found: ActualCredential): CredentialChange['credential'] {
  const { name, issuer, subject, audiences, description = '' } = found
  return { name, issuer, subject, audience: audiences.join(' '), description }
}

function noteForeign(identity: string, { name, subject, issuer }: ActualCredential): PlanNote {
  const message = `The credential "${name}" of the identity "${identity}" trusts ${subject ?? 'an expression'} of ${issuer}; it is not ours and stays.`
  return { code: 'plan_credential_foreign', identity, message, isBlocking: false }
}
