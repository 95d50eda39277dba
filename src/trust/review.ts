// `trust review`: what is, against what the policy says. Pure; the differences are those of a plan, told as
// findings, beside what a plan does not look at.
import type { ActualAssignment, ActualRoleDefinition, ActualState } from './actual.ts'
import type { KeysAnswer } from './admin-api.ts'
import type { Change, PlanNote } from './change.ts'
import type { DesiredState } from './desired.ts'
import { isOurs, isSame } from './plan-part.ts'
import { planTrust } from './plan.ts'
import type { ReviewFacts } from './review-facts.ts'
import { reviewKeys } from './review-keys.ts'
import {
  reviewRepositories,
  type AskedInstances,
  type NamedRepository,
} from './review-repositories.ts'
import { foundAt, type ReviewCode, type ReviewFinding } from './review-rules.ts'

/** What a review judges. */
export type ReviewInput = {
  desired: DesiredState
  actual: ActualState
  facts: ReviewFacts
  repositories: { named: readonly NamedRepository[]; asked: AskedInstances }
  /** The service's signing keys, or one sentence on why they are not known. */
  keys: KeysAnswer | string
  now: Date
  /** How long a credential may go unused. */
  unusedDays: number
}

/** Findings, the worst first. */
export function reviewTrust(input: ReviewInput): ReviewFinding[] {
  const { desired, actual, repositories, keys, now } = input
  const { changes, notes } = planTrust(desired, actual)
  const all = [
    ...changes.flatMap((change) => reviewChange(change)),
    ...notes.flatMap((note) => reviewNote(note)),
    ...reviewCredentials(input),
    ...reviewRoles(input),
    ...reviewApplications(input),
    ...reviewAccounts(input),
    ...reviewRepositories(repositories.named, repositories.asked),
    ...reviewKeys(keys, now),
  ]
  const order = { error: 0, warning: 1, note: 2 }
  return all.toSorted((one, other) => order[one.severity] - order[other.severity])
}

const ofAction: Readonly<
  Record<'credential' | 'role_assignment', Record<Change['action'], ReviewCode>>
> = {
  credential: {
    add: 'review_credential_missing',
    update: 'review_credential_changed',
    remove: 'review_credential_dangling',
  },
  role_assignment: {
    add: 'review_role_missing',
    update: 'review_role_changed',
    remove: 'review_role_dangling',
  },
}

function reviewChange(change: Change): ReviewFinding[] {
  const { action, identity, differences } = change
  const path = ['identities', identity]
  const how = differences.length > 0 ? ` (${differences.join('; ')})` : ''
  switch (change.kind) {
    case 'application':
    case 'managed_identity':
      return [
        foundAt('review_identity_missing', path, `The identity "${identity}" is not in Azure.`),
      ]
    case 'service_principal': {
      const message = `The identity "${identity}" has no service principal.`
      // Of one that is not there at all it is enough to say so.
      return change.clientId === undefined
        ? []
        : [foundAt('review_identity_missing', path, message)]
    }
    case 'credential': {
      const { name, subject } = change.credential
      const message = `The credential "${name}" of the identity "${identity}" for ${subject ?? 'an expression'}${how}`
      return [foundAt(ofAction.credential[action], path, `${message}.`)]
    }
    case 'role_definition': {
      if (action === 'add') return []
      const code = action === 'update' ? 'review_role_changed' : 'review_role_dangling'
      return [foundAt(code, [], `The custom role "${change.definition.name}"${how}.`)]
    }
    default: {
      const { roleName, scope } = change.assignment
      const message = `${roleName} of the identity "${identity}" at ${scope}${how}`
      return [foundAt(ofAction.role_assignment[action], path, `${message}.`)]
    }
  }
}

const ofNote: Partial<Record<PlanNote['code'], ReviewCode>> = {
  plan_identity_missing: 'review_identity_missing',
  plan_principal_disabled: 'review_principal_disabled',
  plan_account_missing: 'review_account_missing',
  plan_application_unused: 'review_application_unused',
  plan_credential_conflict: 'review_credential_changed',
  plan_assignment_conflict: 'review_role_changed',
}

function reviewNote({ code, identity, message }: PlanNote): ReviewFinding[] {
  const found = ofNote[code]
  return found ? [foundAt(found, ['identities', identity], message)] : []
}

function reviewCredentials(input: ReviewInput): ReviewFinding[] {
  const { desired, actual, facts, unusedDays } = input
  const { usedCredentials } = facts
  const found: ReviewFinding[] = []
  if (!usedCredentials) {
    const message = 'The sign-ins of the identities could not be read to their end.'
    found.push(foundAt('review_sign_ins_unread', [], message))
  }
  for (const each of actual.credentials) {
    const identity = nameOf(desired, actual, each.clientId)
    const path = ['identities', identity]
    const wanted = desired.identities
      .find(({ name }) => name === identity)
      ?.credentials.some(
        ({ issuer, subject }) => issuer === each.issuer && subject === each.subject,
      )
    const isOwn = isOurs(desired.installation, each.description) || each.description === undefined
    const isApplication = actual.applications.some(({ appId }) => isSame(appId, each.clientId))
    const whose = `The credential "${each.name}" of the identity "${identity}"`
    if (each.subject === null) {
      const message = `${whose} trusts whatever of ${each.issuer} matches its expression.`
      found.push(foundAt('review_credential_flexible', path, message))
    } else if (!wanted && !isOwn) {
      const message = `${whose} trusts ${each.subject} of ${each.issuer}.`
      found.push(foundAt('review_credential_unknown', path, message))
    } else if (wanted && isApplication && usedCredentials && !usedCredentials.has(each.id)) {
      const message = `${whose} for ${each.subject} was not used in ${unusedDays} days.`
      found.push(foundAt('review_credential_unused', path, message))
    }
  }
  return found
}

function reviewRoles({ desired, actual }: ReviewInput): ReviewFinding[] {
  return actual.roleAssignments.flatMap((each) => {
    const identity = nameOfPrincipal(desired, actual, each.principalId)
    const role = actual.roleDefinitions.find(({ guid }) => isSame(guid, each.roleGuid))
    const name = role?.name ?? `The role ${each.roleGuid}`
    const path = ['identities', identity]
    const message = `The identity "${identity}" has ${name} at ${each.scope}`
    if (role && readsKeys(role.actions)) {
      return [
        foundAt('review_role_keys', path, `${message}, which reads the keys of its accounts.`),
      ]
    }
    if (isWanted(desired, identity, each)) return []
    if (role && readsSettingsOnly(role)) {
      return [foundAt('review_role_reader', path, `${message}.`)]
    }
    if (!isPlace(each.scope)) return [foundAt('review_role_high', path, `${message}.`)]
    if (isOurs(desired.installation, each.description)) return []
    return [foundAt('review_role_unknown', path, `${message}.`)]
  })
}

function isWanted(
  { identities }: DesiredState,
  identity: string,
  { scope, roleGuid }: ActualAssignment,
): boolean {
  const found = identities.find(({ name }) => name === identity)
  return (
    found?.assignments.some(
      (each) => isSame(each.scope, scope) && isSame(each.role.guid, roleGuid),
    ) ?? false
  )
}

function isPlace(scope: string): boolean {
  return /\/(containers|fileshares|shares)\/[^/]+$/i.test(scope)
}

// Such a role opens no data and changes no trust.
function readsSettingsOnly({ actions, dataActions }: ActualRoleDefinition): boolean {
  return dataActions.length === 0 && actions.every((action) => /\/read$/i.test(action))
}

function readsKeys(actions: readonly string[]): boolean {
  const wanted = 'microsoft.storage/storageaccounts/listkeys/action'
  return actions.some((action) => {
    const [start = '', ...rest] = action.toLowerCase().split('*')
    if (rest.length === 0) return start === wanted
    return wanted.startsWith(start) && wanted.endsWith(rest.at(-1) ?? '')
  })
}

function reviewApplications({ desired, actual, facts }: ReviewInput): ReviewFinding[] {
  const managed = desired.identities
    .filter(({ kind }) => kind === 'managed_identity')
    .map(({ name }) => {
      const message = `The identity "${name}" is a managed identity.`
      return foundAt('review_managed_identity', ['identities', name], message)
    })
  const applications = facts.applications.flatMap(({ appId, secrets, owners }) => {
    const identity = nameOf(desired, actual, appId)
    const path = ['identities', identity]
    const whose = `The application of the identity "${identity}" (${appId})`
    return [
      ...secrets.map(({ kind, name, keyId }) => {
        const code =
          kind === 'secret' ? 'review_application_secret' : 'review_application_certificate'
        return foundAt(code, path, `${whose} has the ${kind} "${name}" (${keyId}).`)
      }),
      ...owners.map((owner) =>
        foundAt('review_application_owner', path, `${whose} belongs to ${owner}.`),
      ),
    ]
  })
  return [...managed, ...applications]
}

function reviewAccounts({ facts: { accounts, missingPlaces } }: ReviewInput): ReviewFinding[] {
  const of = accounts.flatMap(({ id, allowsSharedKey, isOpen, unlogged }) => {
    const name = id.split('/').at(-1) ?? ''
    const path = ['accounts', name]
    return [
      ...(allowsSharedKey
        ? [foundAt('review_account_shared_key', path, `The account ${name} takes shared keys.`)]
        : []),
      ...(isOpen
        ? [foundAt('review_account_open', path, `The account ${name} is open to every network.`)]
        : []),
      ...unlogged.map((service) => {
        const message = `${service} of the account ${name} does not log every read, write and delete.`
        return foundAt('review_logs_off', path, message)
      }),
    ]
  })
  const places = missingPlaces.map((scope) => {
    const path = ['accounts', scope.split('/')[8] ?? '']
    return foundAt('review_container_missing', path, `There is no ${scope}.`)
  })
  return [...of, ...places]
}

// The identity's name in the policy; its client id when it is none of it.
function nameOf({ identities }: DesiredState, actual: ActualState, clientId: string): string {
  const application = actual.applications.find(({ appId }) => isSame(appId, clientId))
  const found = identities.find(
    (each) =>
      isSame(each.clientId, clientId) ||
      (each.clientId === undefined && each.uniqueName === application?.uniqueName),
  )
  return found?.name ?? clientId
}

function nameOfPrincipal(desired: DesiredState, actual: ActualState, principalId: string): string {
  const { servicePrincipals, managedIdentities } = actual
  const clientId =
    servicePrincipals.find(({ objectId }) => isSame(objectId, principalId))?.appId ??
    managedIdentities.find((each) => isSame(each.principalId, principalId))?.clientId
  return clientId === undefined ? principalId : nameOf(desired, actual, clientId)
}
