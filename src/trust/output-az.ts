// The desired state of one tenant as a shell script around `az rest`, for somebody who may do what we may
// not: every call is an upsert under a name that follows from its contents, so it can run again.
import type { DesiredAssignment } from './assignments.ts'
import type { DesiredIdentity, DesiredState } from './desired.ts'
import { armGuidNamespace } from './guid.ts'
import { managedIdentityId } from './managed-identity.ts'
import {
  apiVersions,
  definitionPath,
  toArmAssignment,
  toArmCredential,
  toArmDefinition,
  toGraphApplication,
  toGraphCredential,
} from './wire.ts'

const head = `#!/usr/bin/env bash
# Made by \`azure-storage-drone trust plan --output az\`. It adds and updates, removes nothing, and can be
# run again. It needs the Azure CLI, signed in, and python3 or util-linux's uuidgen.
set -euo pipefail

# What was just made is not everywhere at once: a call is tried five times.
again() {
  local wait
  for wait in 5 10 20 40; do
    if "$@"; then return 0; fi
    echo "trying again in $wait s" >&2
    sleep "$wait"
  done
  "$@"
}

call() {
  again az rest --only-show-errors --output none "$@"
}

read_field() {
  again az rest --only-show-errors --method get --url "$1" --query "$2" --output tsv
}

# A GUID that follows from its parts, as ARM's guid() makes it.
arm_guid() {
  if command -v python3 >/dev/null; then
    python3 -c 'import sys, uuid
print(uuid.uuid5(uuid.UUID("${armGuidNamespace}"), "-".join(sys.argv[1:])))' "$@"
  else
    local IFS=-
    uuidgen --sha1 --namespace ${armGuidNamespace} --name "$*"
  fi
}

upsert='{"Prefer":"create-if-missing","Content-Type":"application/json"}'
graph="$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)"
graph="\${graph%/}/v1.0"
`

// Replaced by the shell: a principal is known only once it is there.
const principalMark = '00000000-0000-0000-0000-000000000000'

/** The script; identities of more than one tenant do not belong in it. */
export function writeAzScript({ identities, roleDefinitions }: DesiredState): string {
  const [first] = identities
  const definitions = roleDefinitions.map((definition) =>
    [
      `echo ${quoteShell(`custom role ${definition.name}`)}`,
      put(
        `${definitionPath(definition)}?api-version=${apiVersions.roles}`,
        toArmDefinition(definition),
      ),
    ].join('\n'),
  )
  return [
    head,
    ...(first ? [checkTenant(first.tenantId)] : []),
    ...definitions,
    ...identities.map((identity) => writeIdentity(identity)),
    'echo done',
    '',
  ].join('\n')
}

/** A text as one word of a POSIX shell, whatever is in it. */
export function quoteShell(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function checkTenant(tenantId: string): string {
  return `if [ "$(az account show --query tenantId --output tsv)" != ${quoteShell(tenantId)} ]; then
  echo ${quoteShell(`Sign in first: az login --tenant ${tenantId}`)} >&2
  exit 1
fi
`
}

function writeIdentity(identity: DesiredIdentity): string {
  const isManaged = identity.kind === 'managed_identity'
  return [
    `\necho ${quoteShell(`identity ${identity.name}`)}`,
    ...(isManaged ? writeManaged(identity) : writeApplication(identity)),
    ...identity.assignments.map((each) => writeAssignment(each)),
    `echo ${quoteShell(`  client_id of ${identity.name}: `)}"$client_id"`,
  ].join('\n')
}

function writeApplication(identity: DesiredIdentity): string[] {
  const { clientId, uniqueName, credentials } = identity
  // Both are plain words and GUIDs; OData's own quotes would otherwise have to be doubled.
  const key = clientId === undefined ? `uniqueName='${uniqueName}'` : `appId='${clientId}'`
  const make =
    clientId === undefined
      ? [patch(`"$graph"${quoteShell(`/applications(${key})`)}`, toGraphApplication(identity))]
      : []
  return [
    ...make,
    `application="$(read_field "$graph"${quoteShell(`/applications(${key})`)} id)"`,
    `client_id="$(read_field "$graph"${quoteShell(`/applications(${key})`)} appId)"`,
    patch(`"$graph/servicePrincipals(appId='$client_id')"`, {}),
    `principal="$(read_field "$graph/servicePrincipals(appId='$client_id')" id)"`,
    ...credentials.map(({ name, ...rest }) =>
      patch(
        `"$graph/applications/$application/federatedIdentityCredentials(name='${name}')"`,
        toGraphCredential({ name, ...rest }),
      ),
    ),
  ]
}

function writeManaged(identity: DesiredIdentity): string[] {
  const { resource, credentials } = identity
  const id = managedIdentityId(identity)
  const version = `?api-version=${apiVersions.managedIdentities}`
  const location = resource?.location
  return [
    ...(location === undefined ? [] : [put(`${id}${version}`, { location })]),
    `client_id="$(read_field ${quoteShell(`${id}${version}`)} properties.clientId)"`,
    `principal="$(read_field ${quoteShell(`${id}${version}`)} properties.principalId)"`,
    // ARM takes one write of an identity's credentials in four seconds.
    ...credentials.flatMap((each) => [
      put(`${id}/federatedIdentityCredentials/${each.name}${version}`, toArmCredential(each)),
      'sleep 4',
    ]),
  ]
}

function writeAssignment({ scope, role, condition, description }: DesiredAssignment): string {
  const assignment = { scope, condition, description, roleGuid: role.guid, roleName: role.name }
  const [before, after] = quoteShell(
    JSON.stringify(toArmAssignment(assignment, principalMark)),
  ).split(principalMark)
  const path = quoteShell(`${scope}/providers/Microsoft.Authorization/roleAssignments/`)
  return [
    `name="$(arm_guid ${quoteShell(scope)} "$principal" ${quoteShell(role.guid)})"`,
    `call --method put --url ${path}"$name"${quoteShell(`?api-version=${apiVersions.roles}`)} --body ${before}'"$principal"'${after}`,
  ].join('\n')
}

function put(url: string, body: Record<string, unknown>): string {
  return `call --method put --url ${quoteShell(url)} --body ${quoteShell(JSON.stringify(body))}`
}

function patch(url: string, body: Record<string, unknown>): string {
  return `call --method patch --url ${url} --headers "$upsert" --body ${quoteShell(JSON.stringify(body))}`
}
