// The desired state of one tenant as Terraform: azuread for applications, azurerm for managed identities,
// roles and assignments. Names of assignments are those everything else gives them.
import type { DesiredAssignment } from './assignments.ts'
import type { DesiredIdentity, DesiredState } from './desired.ts'
import { armGuidNamespace } from './guid.ts'
import type { DesiredRoleDefinition } from './roles.ts'
import { definitionId } from './wire.ts'

/** An expression, as against a text that is to be quoted. */
type Expression = { expression: string }

type Value = string | Expression | readonly Value[]

type Block = {
  type: string
  labels?: readonly string[]
  fields: Record<string, Value>
  blocks?: Block[]
}

const environments = {
  public: { azuread: undefined, azurerm: undefined },
  usgov: { azuread: 'usgovernmentl4', azurerm: 'usgovernment' },
  china: { azuread: 'china', azurerm: 'china' },
} as const

const head = `# Made by \`azure-storage-drone trust plan --output terraform\`.
terraform {
  required_version = ">= 1.5"
  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = "~> 3.0"
    }
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.0"
    }
  }
}
`

/** The configuration as one file. */
export function writeTerraform({ identities, roleDefinitions }: DesiredState): string {
  const blocks = [
    ...writeProviders(identities),
    ...roleDefinitions.map((each) => writeDefinition(each)),
    ...identities.flatMap((identity) => [
      ...(identity.kind === 'application' ? writeApplication(identity) : writeManaged(identity)),
      ...identity.assignments.map((each, index) => writeAssignment(identity, each, index)),
      writeOutput(identity),
    ]),
  ]
  return [head, ...blocks.map((block) => `${writeBlock(block)}\n`)].join('\n')
}

/** A text as an HCL string: no part of it is a template. */
export function quoteHcl(text: string): string {
  const inner = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`)
    .replaceAll('\t', String.raw`\t`)
    .replaceAll(/([$%])(?=\{)/g, '$1$1')
  return `"${inner}"`
}

function writeProviders(identities: readonly DesiredIdentity[]): Block[] {
  const [first] = identities
  if (!first) return []
  const { azuread, azurerm } = environments[first.cloud]
  const tenant = { tenant_id: first.tenantId }
  const subscriptions = subscriptionsOf(identities)
  const provider = (subscription: string, alias?: string): Block => ({
    type: 'provider',
    labels: ['azurerm'],
    fields: {
      ...(alias !== undefined && { alias }),
      subscription_id: subscription,
      ...tenant,
      ...(azurerm !== undefined && { environment: azurerm }),
    },
    blocks: [{ type: 'features', fields: {} }],
  })
  const [main] = subscriptions
  return [
    {
      type: 'provider',
      labels: ['azuread'],
      fields: { ...tenant, ...(azuread !== undefined && { environment: azuread }) },
    },
    ...(main === undefined ? [] : [provider(main)]),
    ...subscriptions.map((each) => provider(each, aliasOf(each))),
  ]
}

function subscriptionsOf(identities: readonly DesiredIdentity[]): string[] {
  const all = identities.flatMap(({ resource, assignments }) => [
    ...assignments.map(({ scope }) => scope.split('/')[2] ?? ''),
    ...(resource ? [resource.subscription] : []),
  ])
  return [...new Set(all)].toSorted()
}

function writeDefinition(definition: DesiredRoleDefinition): Block {
  const { guid, name, description, dataActions, assignableScopes } = definition
  return {
    type: 'resource',
    labels: ['azurerm_role_definition', labelOf('role', guid)],
    fields: {
      role_definition_id: guid,
      name,
      scope: (assignableScopes[0] ?? '').split('/').slice(0, 3).join('/'),
      description,
      assignable_scopes: assignableScopes,
    },
    blocks: [{ type: 'permissions', fields: { data_actions: dataActions } }],
  }
}

function writeApplication(identity: DesiredIdentity): Block[] {
  const { name, displayName, clientId, credentials } = identity
  const label = labelOf('identity', name)
  const isMade = clientId === undefined
  const at = `${isMade ? '' : 'data.'}azuread_application.${label}`
  return [
    {
      type: isMade ? 'resource' : 'data',
      labels: ['azuread_application', label],
      fields: isMade
        ? { display_name: displayName, sign_in_audience: 'AzureADMyOrg' }
        : { client_id: clientId },
    },
    {
      type: 'resource',
      labels: ['azuread_service_principal', label],
      fields: { client_id: raw(`${at}.client_id`), use_existing: raw('true') },
    },
    ...credentials.map(({ name: credential, issuer, subject, audience, description }): Block => ({
      type: 'resource',
      labels: [
        'azuread_application_federated_identity_credential',
        labelOf('credential', credential),
      ],
      fields: {
        application_id: raw(`"/applications/\${${at}.object_id}"`),
        display_name: credential,
        description,
        issuer,
        subject,
        audiences: [audience],
      },
    })),
  ]
}

function writeManaged(identity: DesiredIdentity): Block[] {
  const { name, displayName, resource, credentials } = identity
  const label = labelOf('identity', name)
  const place = {
    provider: raw(`azurerm.${aliasOf(resource?.subscription ?? '')}`),
    name: displayName,
    resource_group_name: resource?.resourceGroup ?? '',
  }
  const location = resource?.location
  const isMade = location !== undefined
  const at = `${isMade ? '' : 'data.'}azurerm_user_assigned_identity.${label}`
  return [
    {
      type: isMade ? 'resource' : 'data',
      labels: ['azurerm_user_assigned_identity', label],
      fields: isMade ? { ...place, location } : place,
    },
    ...credentials.map(({ name: credential, issuer, subject, audience }, index): Block => ({
      type: 'resource',
      labels: ['azurerm_federated_identity_credential', labelOf('credential', credential)],
      fields: {
        provider: place.provider,
        name: credential,
        user_assigned_identity_id: raw(`${at}.id`),
        issuer,
        subject,
        audience: [audience],
        // ARM refuses two writes to one identity at once.
        ...(index > 0 && {
          depends_on: [
            raw(
              `azurerm_federated_identity_credential.${labelOf('credential', credentials[index - 1]?.name ?? '')}`,
            ),
          ],
        }),
      },
    })),
  ]
}

function writeAssignment(
  identity: DesiredIdentity,
  { scope, role, condition, description }: DesiredAssignment,
  index: number,
): Block {
  const principal = principalOf(identity)
  const parts = `[${quoteHcl(scope)}, lower(${principal}), ${quoteHcl(role.guid)}]`
  return {
    type: 'resource',
    labels: ['azurerm_role_assignment', `${labelOf('grant', identity.name)}_${index}`],
    fields: {
      name: raw(`uuidv5(${quoteHcl(armGuidNamespace)}, join("-", ${parts}))`),
      scope,
      role_definition_id: definitionId(scope, role.guid),
      principal_id: raw(principal),
      principal_type: 'ServicePrincipal',
      description,
      ...(condition !== undefined && { condition, condition_version: '2.0' }),
      ...(role.isCustom && {
        depends_on: [raw(`azurerm_role_definition.${labelOf('role', role.guid)}`)],
      }),
    },
  }
}

function writeOutput(identity: DesiredIdentity): Block {
  const { name, kind } = identity
  const value =
    kind === 'application'
      ? `azuread_service_principal.${labelOf('identity', name)}.client_id`
      : `${managedAddress(identity)}.client_id`
  return { type: 'output', labels: [labelOf('client_id', name)], fields: { value: raw(value) } }
}

function principalOf(identity: DesiredIdentity): string {
  return identity.kind === 'application'
    ? `azuread_service_principal.${labelOf('identity', identity.name)}.object_id`
    : `${managedAddress(identity)}.principal_id`
}

function managedAddress({ name, resource }: DesiredIdentity): string {
  const isMade = resource?.location !== undefined
  return `${isMade ? '' : 'data.'}azurerm_user_assigned_identity.${labelOf('identity', name)}`
}

function aliasOf(subscription: string): string {
  return labelOf('subscription', subscription)
}

function labelOf(prefix: string, name: string): string {
  return `${prefix}_${name.replaceAll(/[^A-Za-z0-9]/g, '_')}`
}

function raw(expression: string): Expression {
  return { expression }
}

function writeBlock({ type, labels = [], fields, blocks = [] }: Block, indent = ''): string {
  const inner = `${indent}  `
  const open = [type, ...labels.map((label) => quoteHcl(label)), '{'].join(' ')
  const lines = [
    ...Object.entries(fields).map(([key, value]) => `${inner}${key} = ${writeValue(value)}`),
    ...blocks.map((block) => writeBlock(block, inner)),
  ]
  const body = lines.map((line) => `${line}\n`).join('')
  return body === '' ? `${indent}${open}}` : `${indent}${open}\n${body}${indent}}`
}

function writeValue(value: Value): string {
  if (typeof value === 'string') return quoteHcl(value)
  if ('expression' in value) return value.expression
  return `[${value.map((each) => writeValue(each)).join(', ')}]`
}
