// The federated credentials of one identity: Entra's limits (facts/federation.md §1.1), and what the
// exchange sees of a change that has not reached it yet (§1.6).
import { randomUUID } from 'node:crypto'

const maxCredentials = 20
const maxTextChars = 600

/** A federated identity credential: whoever holds a token with exactly these claims is the identity. */
export type LabCredential = {
  name: string
  issuer: string
  /** Empty in a flexible credential, which the lab keeps but never matches. */
  subject: string
  audience: string
  description?: string
  /** `claimsMatchingExpression.value` of a flexible credential (Graph beta). */
  expression?: string
}

/** A credential as the directory keeps it; the id is a GUID. */
export type StoredCredential = LabCredential & { id: string }

/** Until `from` the exchange goes by what was before, or by turns when that is intermittent. */
export type Propagation = { from: Date; isIntermittent: boolean }

/** Why a directory does not take a credential. */
export type CredentialProblem =
  | 'too many'
  | 'bad name'
  | 'bad text'
  | 'name exists'
  | 'pair exists'
  | 'not found'

/** A credential that was refused; `problem` is for the answer's code. */
export class CredentialError extends RangeError {
  readonly problem: CredentialProblem

  constructor(problem: CredentialProblem, message: string) {
    super(message)
    this.problem = problem
  }
}

/** The credentials of one identity; without a propagation a change counts from the next exchange on. */
export type CredentialList = {
  readonly all: readonly StoredCredential[]
  add: (credential: LabCredential, propagation?: Propagation) => StoredCredential
  /** Puts other values in place of those of the credential with this name. */
  replace: (name: string, credential: LabCredential, propagation?: Propagation) => void
  remove: (name: string, propagation?: Propagation) => void
  /** What one exchange at this time goes by. */
  see: (time: Date) => readonly StoredCredential[]
}

type Version = {
  credential: StoredCredential
  since: Propagation | undefined
  /** Unset while it is in the directory. */
  ended?: { by: Propagation | undefined }
}

/** An empty list. */
export function createCredentialList(): CredentialList {
  const all: StoredCredential[] = []
  let versions: Version[] = []
  let turn = 0

  const indexOf = (name: string): number => {
    const index = all.findIndex((each) => each.name === name)
    if (index >= 0) return index
    throw new CredentialError('not found', `no federated credential is named '${name}'`)
  }
  const end = (credential: StoredCredential, by: Propagation | undefined): void => {
    const version = versions.find((each) => each.credential === credential && !each.ended)
    if (version) version.ended = { by }
  }
  return {
    all,
    add(credential, propagation) {
      checkCredential(all, credential)
      const stored = { ...credential, id: randomUUID() }
      all.push(stored)
      versions.push({ credential: stored, since: propagation })
      return stored
    },
    replace(name, credential, propagation) {
      const index = indexOf(name)
      const [present] = all.slice(index)
      if (!present) return
      checkCredential(all.toSpliced(index, 1), credential)
      const stored = { ...credential, id: present.id }
      end(present, propagation)
      all[index] = stored
      versions.push({ credential: stored, since: propagation })
    },
    remove(name, propagation) {
      const [removed] = all.splice(indexOf(name), 1)
      if (removed) end(removed, propagation)
    },
    see(time) {
      turn += 1
      const isDone = (propagation: Propagation | undefined): boolean =>
        propagation === undefined ||
        propagation.from <= time ||
        (propagation.isIntermittent && turn % 2 === 0)
      versions = versions.filter(({ ended }) => !ended || (ended.by && ended.by.from > time))
      return versions
        .filter(({ since, ended }) => isDone(since) && !(ended && isDone(ended.by)))
        .map(({ credential }) => credential)
    },
  }
}

function checkCredential(present: readonly LabCredential[], added: LabCredential): void {
  const { name, issuer, subject, audience, description = '' } = added
  if (present.length >= maxCredentials) {
    throw new CredentialError(
      'too many',
      `an application has at most ${maxCredentials} federated credentials`,
    )
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/.test(name)) {
    throw new CredentialError(
      'bad name',
      `'${name}' is no name for a federated credential (3-120 of A-Z a-z 0-9 _ -)`,
    )
  }
  const isFlexible = added.expression !== undefined
  for (const [field, text] of Object.entries({ issuer, subject, audience })) {
    const isMissing = text === '' && !(isFlexible && field === 'subject')
    if (isMissing || text.length > maxTextChars) throw refuseText(field, 1)
  }
  if (description.length > maxTextChars) throw refuseText('description', 0)
  if (present.some((each) => each.name === name)) {
    throw new CredentialError('name exists', `a federated credential is named '${name}' already`)
  }
  if (!isFlexible && present.some((each) => each.issuer === issuer && each.subject === subject)) {
    throw new CredentialError(
      'pair exists',
      `a federated credential has issuer '${issuer}' and subject '${subject}' already`,
    )
  }
}

function refuseText(field: string, minChars: number): CredentialError {
  return new CredentialError(
    'bad text',
    `the ${field} of a federated credential has ${minChars}-${maxTextChars} characters`,
  )
}
