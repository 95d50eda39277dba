// The condition of a role assignment that holds a role to some prefixes of one container: ABAC text,
// version 2.0 (facts/federation.md §3.3). An action that a condition does not name is allowed, so every
// blob action of the role is named.

const containers = 'Microsoft.Storage/storageAccounts/blobServices/containers'

/** Longest condition Azure takes, in bytes. */
export const conditionLimitBytes = 8192

/** Where an operation may go: the whole container, only below prefixes, or nowhere. */
export type Reach = 'all' | 'none' | readonly string[]

/** What each kind of operation may reach under one role. */
export type BlobReach = { read: Reach; list: Reach; change: Reach }

/** The condition; undefined when the role may do all it does in the whole container. */
export function writeCondition(
  container: string,
  dataActions: readonly string[],
  { read, list, change }: BlobReach,
): string | undefined {
  const isReading = dataActions.includes(`${containers}/blobs/read`)
  const changes = dataActions.filter((action) => action !== `${containers}/blobs/read`)
  const clauses = [
    ...(isReading
      ? [
          writeClause(readTerm('AND NOT'), limitTo(container, read, pathAttribute)),
          writeClause(readTerm('AND'), limitTo(container, list, prefixAttribute)),
        ]
      : []),
    ...(changes.length > 0
      ? [
          writeClause(
            changes.map((each) => `!(ActionMatches{'${each}'})`).join(' AND '),
            limitTo(container, change, pathAttribute),
          ),
        ]
      : []),
  ].filter((clause) => clause !== undefined)
  return clauses.length === 0 ? undefined : clauses.join('\nAND\n')
}

/** Prefixes without those that others cover already, in a fixed order. */
export function mergePrefixes(prefixes: readonly string[]): Reach {
  if (prefixes.length === 0) return 'none'
  if (prefixes.includes('')) return 'all'
  const sorted = [...new Set(prefixes)].toSorted()
  return sorted.filter((each) => !sorted.some((other) => other !== each && each.startsWith(other)))
}

const pathAttribute = `@Resource[${containers}/blobs:path]`
const prefixAttribute = `@Request[${containers}/blobs:prefix]`

function readTerm(joint: 'AND' | 'AND NOT'): string {
  return `!(ActionMatches{'${containers}/blobs/read'} ${joint} SubOperationMatches{'Blob.List'})`
}

// `true` needs no clause; `false` leaves the operation no way.
function writeClause(isOther: string, limit: string | boolean): string | undefined {
  if (limit === true) return undefined
  return limit === false ? `(${isOther})` : `((${isOther})\n OR (${limit}))`
}

function limitTo(container: string, reach: Reach, attribute: string): string | boolean {
  if (reach === 'all') return true
  if (reach === 'none') return false
  const tests = reach.map((prefix) => `${attribute} StringStartsWith ${quoteValue(prefix)}`)
  const path = tests.length === 1 ? tests[0] : `(${tests.join(' OR ')})`
  return `@Resource[${containers}:name] StringEquals ${quoteValue(container)} AND ${path}`
}

// A policy's prefixes hold no quotes (policy/grant.ts); this keeps it true for whatever comes.
function quoteValue(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
