// The desired state of one tenant as Bicep: main.bicep for a deployment to a subscription, with the
// Microsoft Graph extension for applications, and small modules because a container is a scope within its
// resource group.
import type { DesiredIdentity, DesiredState } from './desired.ts'
import { armGuid } from './guid.ts'
import { apiVersions, toArmDefinition, toGraphCredential } from './wire.ts'

const graph = "extension 'br:mcr.microsoft.com/bicep/extensions/microsoftgraph/v1.0:1.0.0'\n"

const head = `// Made by \`azure-storage-drone trust plan --output bicep\`. Deploy it with
//   az deployment sub create --location REGION --template-file main.bicep
targetScope = 'subscription'
`

/** An expression, as against a text that is to be quoted. */
type Expression = { expression: string }

type Value = string | Expression | readonly Value[] | { [key: string]: Value }

/** Files by name: main.bicep and the modules it uses. */
export function writeBicep({ identities, roleDefinitions }: DesiredState): Record<string, string> {
  const applications = identities.filter(({ kind }) => kind === 'application')
  const main = [
    head,
    ...(applications.length > 0 ? [graph] : []),
    ...roleDefinitions.map((definition) =>
      resource(
        symbolOf('role', definition.guid),
        `Microsoft.Authorization/roleDefinitions@${apiVersions.roles}`,
        {
          name: definition.guid,
          ...asValue(toArmDefinition(definition)),
        },
      ),
    ),
    ...identities.map((identity) => writeIdentity(identity)),
    ...identities.flatMap((identity) => writeGrants(identity)),
    ...identities.map(({ name, kind }) => {
      const from = kind === 'application' ? 'appId' : 'outputs.clientId'
      return `output ${symbolOf('client_id', name)} string = ${symbolOf('identity', name)}.${from}\n`
    }),
  ].join('\n')
  const services = new Set(
    identities.flatMap(({ assignments }) => assignments.map(({ scope }) => serviceOf(scope))),
  )
  const managed = identities.filter(({ kind }) => kind === 'managed_identity')
  return {
    'main.bicep': main,
    ...(services.has('blob') && { 'blob-role.bicep': roleModule('blob') }),
    ...(services.has('file') && { 'file-role.bicep': roleModule('file') }),
    ...Object.fromEntries(
      managed.map((identity) => [identityModule(identity), writeIdentityModule(identity)]),
    ),
  }
}

/** A text as a Bicep string. */
export function quoteBicep(text: string): string {
  const inner = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", String.raw`\'`)
    .replaceAll('${', String.raw`\${`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`)
    .replaceAll('\t', String.raw`\t`)
  return `'${inner}'`
}

function writeIdentity(identity: DesiredIdentity): string {
  const { name, displayName, kind, resource: place, credentials, uniqueName, clientId } = identity
  const symbol = symbolOf('identity', name)
  if (kind === 'managed_identity') {
    const params = {
      name: displayName,
      ...(place?.location !== undefined && { location: place.location }),
      credentials: credentials.map((each) => ({
        name: each.name,
        issuer: each.issuer,
        subject: each.subject,
        audience: each.audience,
      })),
    }
    return moduleText(symbol, identityModule(identity), {
      name: deploymentName(name),
      scope: groupExpression(place?.subscription ?? '', place?.resourceGroup ?? ''),
      params,
    })
  }
  const principal = symbolOf('principal', name)
  const children = credentials.map((each, index) => ({ each, index }))
  const parts = children.map(({ each, index }) =>
    resource(
      `${symbol}_credential_${index}`,
      'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0',
      {
        ...asValue(toGraphCredential(each)),
        name: raw(`'\${${symbol}.uniqueName}/${each.name}'`),
        // Graph takes the writes of one application one after the other.
        ...(index > 0 && { dependsOn: [raw(`${symbol}_credential_${index - 1}`)] }),
      },
    ),
  )
  // The extension addresses applications by unique name alone, and one made by hand has none.
  const application =
    clientId === undefined
      ? resource(symbol, 'Microsoft.Graph/applications@v1.0', {
          uniqueName,
          displayName,
          signInAudience: 'AzureADMyOrg',
        })
      : `@description(${quoteBicep(`uniqueName of the application ${clientId}; give it one first if it has none`)})
param ${symbolOf('unique_name', name)} string

${resource(symbol, 'Microsoft.Graph/applications@v1.0', { uniqueName: raw(symbolOf('unique_name', name)) }, 'existing ')}`
  const service = resource(principal, 'Microsoft.Graph/servicePrincipals@v1.0', {
    appId: raw(`${symbol}.appId`),
  })
  return [application, service, ...parts].join('\n')
}

function writeGrants({ name, kind, assignments }: DesiredIdentity): string[] {
  const principalId =
    kind === 'application'
      ? `${symbolOf('principal', name)}.id`
      : `${symbolOf('identity', name)}.outputs.principalId`
  return assignments.map(({ scope, role, condition, description }, index) => {
    const parts = scope.split('/')
    return moduleText(`${symbolOf('grant', name)}_${index}`, `${serviceOf(scope)}-role.bicep`, {
      name: deploymentName(name, String(index)),
      scope: groupExpression(parts[2] ?? '', parts[4] ?? ''),
      params: {
        scopeId: scope,
        account: parts[8] ?? '',
        place: parts.at(-1) ?? '',
        principalId: raw(principalId),
        roleGuid: role.guid,
        description,
        ...(condition !== undefined && { condition }),
      },
      ...(role.isCustom && { dependsOn: [raw(symbolOf('role', role.guid))] }),
    })
  })
}

function roleModule(service: 'blob' | 'file'): string {
  const [services, children] =
    service === 'blob' ? ['blobServices', 'containers'] : ['fileServices', 'fileshares']
  return `// One role of one principal on one ${service === 'blob' ? 'container' : 'share'}.
param scopeId string
param account string
param place string
param principalId string
param roleGuid string
param description string
param condition string = ''

resource storage 'Microsoft.Storage/storageAccounts@${apiVersions.storage}' existing = {
  name: account

  resource service '${services}' existing = {
    name: 'default'

    resource place_ '${children}' existing = {
      name: place
    }
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@${apiVersions.roles}' = {
  name: guid(scopeId, toLower(principalId), roleGuid)
  scope: storage::service::place_
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleGuid)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: description
    condition: empty(condition) ? null : condition
    conditionVersion: empty(condition) ? null : '2.0'
  }
}
`
}

function identityModule({ resource: place }: DesiredIdentity): string {
  return place?.location === undefined ? 'existing-identity.bicep' : 'managed-identity.bicep'
}

function writeIdentityModule({ resource: place }: DesiredIdentity): string {
  const isThere = place?.location === undefined
  const type = `Microsoft.ManagedIdentity/userAssignedIdentities`
  return `// A managed identity and its federated credentials, written one after the other.
param name string
${isThere ? '' : 'param location string\n'}param credentials array

resource identity '${type}@${apiVersions.managedIdentities}' ${isThere ? 'existing ' : ''}= {
  name: name
${isThere ? '' : '  location: location\n'}}

@batchSize(1)
resource credential '${type}/federatedIdentityCredentials@${apiVersions.managedIdentities}' = [for each in credentials: {
  parent: identity
  name: each.name
  properties: {
    issuer: each.issuer
    subject: each.subject
    audiences: [each.audience]
  }
}]

output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
`
}

function serviceOf(scope: string): 'blob' | 'file' {
  return scope.includes('/blobServices/') ? 'blob' : 'file'
}

// A deployment's name has 64 signs at most.
function deploymentName(...parts: string[]): string {
  return `asd-${armGuid(...parts)}`
}

function groupExpression(subscription: string, group: string): Expression {
  return raw(`resourceGroup(${quoteBicep(subscription)}, ${quoteBicep(group)})`)
}

function symbolOf(prefix: string, name: string): string {
  return `${prefix}_${name.replaceAll(/[^A-Za-z0-9]/g, '_')}`
}

function resource(
  symbol: string,
  type: string,
  body: { [key: string]: Value },
  existing = '',
): string {
  return `resource ${symbol} '${type}' ${existing}= ${writeValue(body)}\n`
}

function moduleText(symbol: string, file: string, body: { [key: string]: Value }): string {
  return `module ${symbol} '${file}' = ${writeValue(body)}\n`
}

function raw(expression: string): Expression {
  return { expression }
}

// A body of wire.ts holds texts, lists and objects alone.
function asValue(body: Record<string, unknown>): { [key: string]: Value } {
  return body as { [key: string]: Value }
}

function isExpression(value: Value): value is Expression {
  return typeof value === 'object' && 'expression' in value && typeof value.expression === 'string'
}

function writeValue(value: Value, indent = ''): string {
  if (typeof value === 'string') return quoteBicep(value)
  if (isExpression(value)) return value.expression
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    const items = value.map((each: Value) => `${inner}${writeValue(each, inner)}\n`)
    return items.length === 0 ? '[]' : `[\n${items.join('')}${indent}]`
  }
  const fields = Object.entries(value).map(
    ([key, each]) => `${inner}${key}: ${writeValue(each, inner)}\n`,
  )
  return `{\n${fields.join('')}${indent}}`
}
