// For tests: the condition of facts/federation.md §3.3 with its write side, for any container and prefix.
const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'
const isList = "SubOperationMatches{'Blob.List'}"

/** A condition that limits reading, listing, writing and deleting to one prefix of a container. */
export function writeCondition(container: string, prefix: string): string {
  const name = `@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals ${quote(container)}`
  const path = `@Resource[${blobs}:path] StringStartsWith ${quote(prefix)}`
  const listed = `@Request[${blobs}:prefix] StringStartsWith ${quote(prefix)}`
  const read = `ActionMatches{'${blobs}/read'}`
  return [
    `((!(${read} AND NOT ${isList}))\n OR (${name}\n AND ${path}))`,
    `((!(${read} AND ${isList}))\n OR (${name} AND ${listed}))`,
    ...['write', 'add/action', 'delete'].map(
      (verb) => `((!(ActionMatches{'${blobs}/${verb}'})) OR (${name} AND ${path}))`,
    ),
  ].join('\nAND ')
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
