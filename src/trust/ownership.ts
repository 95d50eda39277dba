// How what we made in Azure is known again: a description with our metadata where Azure keeps one, and
// the name where it does not (federated credentials of managed identities, facts/federation.md §1.6).
import { sha256Hex } from '../core/digest.ts'

/** Longest description of a credential, a role or an assignment. */
export const descriptionLimit = 600

const program = 'azure-storage-drone'
const readablePart = 60

/** Which installation owns something: the first 8 hex digits of its issuer URL's SHA-256. */
export function installationOf(issuerUrl: string): string {
  return sha256Hex(issuerUrl).slice(0, 8)
}

/** A text for people with our metadata behind it, at most 600 signs. */
export function describeOwned(installation: string, text: string): string {
  const mark = `; managed-by=${program}; installation=${installation}; v=1`
  const plain = text.replaceAll(/[;\p{Cc}]/gu, ' ')
  const room = descriptionLimit - mark.length
  return (plain.length > room ? `${plain.slice(0, room - 3)}...` : plain) + mark
}

/** The installation that a description says it belongs to; undefined when it is none of ours. */
export function ownerOf(description: string | undefined): string | undefined {
  return /; managed-by=azure-storage-drone; installation=([0-9a-f]{8}); v=1$/.exec(
    description ?? '',
  )?.[1]
}

/** The name of the credential for an issuer and subject: ours by its beginning, 3 to 120 URL-safe signs. */
export function credentialName(installation: string, issuer: string, subject: string): string {
  const readable = subject
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .slice(0, readablePart)
    .replaceAll(/^-+|-+$/g, '')
  const digest = sha256Hex(`${issuer}\n${subject}`).slice(0, 12)
  return `${credentialPrefix(installation)}${readable}-${digest}`
}

/** What the names of an installation's credentials begin with. */
export function credentialPrefix(installation: string): string {
  return `asd-${installation}-`
}

/** Graph's `uniqueName` of an application we make: its alternate key, which makes creation repeatable. */
export function applicationUniqueName(installation: string, identity: string): string {
  return `${program}-${installation}-${identity}`
}

/** The identity an application of this installation was made for; undefined when it is none. */
export function identityOfUniqueName(
  installation: string,
  uniqueName: string | undefined,
): string | undefined {
  const prefix = applicationUniqueName(installation, '')
  return uniqueName?.startsWith(prefix) ? uniqueName.slice(prefix.length) : undefined
}

/** The tag on applications we make, by which those that nothing uses any more are found. */
export function applicationTag(installation: string): string {
  return `${program}-${installation}`
}
