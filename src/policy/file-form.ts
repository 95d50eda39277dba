// The form of the policy file as a zod schema with a sentence on every key: what the loader checks, what
// the published JSON Schema is made from, and which keys stand where.
import * as z from 'zod'

import { parseDurationSeconds } from '../core/time.ts'
import { trustClasses, type TrustClass } from '../identity/trust-class.ts'
import { explainBadGlob } from './glob.ts'
import { explainBadPrefix, serviceOf, verbs, type Verb } from './grant.ts'
import { quote } from './spelling.ts'

/** Longest life of an ID token, in seconds (DESIGN §5.7). */
export const longestLifetimeSeconds = 600

/** How an entry names its builds towards the cloud. */
export const subjectForms = ['repository', 'policy', 'identity'] as const

/** Whether an entry gives identities out or is on trial. */
export const modes = ['enforce', 'audit'] as const

/** What an identity is in Azure. */
export const identityKinds = ['application', 'managed_identity'] as const

/** Azure clouds by the names people write. */
export const cloudNames = ['public', 'usgov', 'china'] as const

const schemaId = 'urn:azure-storage-drone:policy:v1'

const slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be made of lower-case letters, digits and dashes')
const guid = z.guid({ error: 'must be a GUID' })

/** Text that a function refuses with a reason; `pattern` says as much of it as a JSON Schema can. */
function checkedText(
  explain: (text: string) => string | undefined,
  pattern: string,
  description: string,
) {
  return z
    .string()
    .superRefine((text, context) => {
      const why = explain(text)
      if (why) context.addIssue({ code: 'custom', message: `${quote(text)} ${why}` })
    })
    .meta({ description, pattern })
}

const refGlob = checkedText(
  explainBadGlob,
  String.raw`^[^*?\[\]{}()!\\][^?\[\]{}()!\\]*$`,
  'A full ref such as refs/heads/main. `*` stays inside one segment, `**` as a whole segment spans several, everything else is literal; it may not begin with `*`.',
)

const subjectSchema = z.strictObject({
  instance: slug.describe('The CI server, by its name in the service configuration.'),
  repository_id: z
    .string({ error: 'must be the SCM id in quotes, such as "42"' })
    .min(1)
    .describe("The repository's id at the source-code host, in quotes. It decides."),
  repository: z
    .string()
    .regex(/^[^/\s]+(\/[^/\s]+)+$/, 'must be of the form owner/name')
    .describe('The slug this id has today; another one is refused as a renamed repository.'),
  events: z
    .array(z.enum(trustClasses as [TrustClass, ...TrustClass[]]))
    .min(1)
    .describe('Trust classes of builds. `fork` only alone, in a quarantine entry.'),
  refs: z.array(refGlob).min(1).describe('Refs; the whole ref has to match one of them.'),
})

const lifetime = z
  .string()
  .superRefine((text, context) => {
    const seconds = parseDurationSeconds(text)
    if (seconds !== undefined && seconds >= 60 && seconds <= longestLifetimeSeconds) return
    context.addIssue({ code: 'custom', message: `${quote(text)} must be between 1m and 10m` })
  })
  .meta({
    description: 'Life of an ID token, 1m to 10m. Ten minutes when left out.',
    pattern: '^([1-9]m|10m|[6-9][0-9]s|[1-5][0-9]{2}s|600s)$',
    default: '10m',
  })

const accountName = z
  .string()
  .regex(/^[a-z0-9]{3,24}$/, 'must be a storage account: 3 to 24 lower-case letters and digits')

const grantShared = {
  id: slug.describe('Name of this grant within its entry, for the ledger and for messages.'),
  account: accountName.describe('Storage account.'),
  prefix: checkedText(
    explainBadPrefix,
    String.raw`^([^/\\%*?"'\x00-\x1f\x7f]+/)+$`,
    'Path below which the grant holds, decoded, ending in "/". ${build.number} and ${repository.id} may stand as whole segments. The whole container when left out.',
  ).optional(),
  create_only: z
    .boolean()
    .optional()
    .describe(
      'Asserts that nothing existing is ever overwritten or deleted: needs a create verb, refuses write and delete.',
    ),
}

const nameRule = '3 to 63 lower-case letters, digits and single dashes'
const containerName = /^(\$web|\$root|[a-z0-9]+(-[a-z0-9]+)*)$/
const shareName = /^[a-z0-9]+(-[a-z0-9]+)*$/

function verbsOf(service: 'blob' | 'file') {
  const own = verbs.filter((verb) => serviceOf(verb) === service)
  return z
    .array(z.enum(own as [Verb, ...Verb[]]))
    .min(1)
    .describe(
      'What may be done. `write` includes `create`; `create` alone never overwrites; `sas.delegate` makes links.',
    )
}

const blobGrant = z.strictObject({
  id: grantShared.id,
  account: grantShared.account,
  service: z.literal('blob').describe('Blob Storage.'),
  container: z
    .string()
    .min(3)
    .max(63)
    .regex(containerName, `must be a container: ${nameRule}, or $web or $root`)
    .describe('Blob container.'),
  prefix: grantShared.prefix,
  verbs: verbsOf('blob'),
  create_only: grantShared.create_only,
})

const fileGrant = z.strictObject({
  id: grantShared.id,
  account: grantShared.account,
  service: z.literal('file').describe('Azure Files.'),
  share: z
    .string()
    .min(3)
    .max(63)
    .regex(shareName, `must be a share: ${nameRule}`)
    .describe('File share.'),
  prefix: grantShared.prefix,
  verbs: verbsOf('file'),
  create_only: grantShared.create_only,
})

const entrySchema = z.strictObject({
  name: slug.describe('What a pipeline asks for: `get: {path: azure, name: <this>}`.'),
  description: z.string().max(600).optional().describe('For people.'),
  mode: z
    .enum(modes)
    .optional()
    .describe(
      'enforce (default), or audit: an entry on trial, whose decisions are recorded as would-be and through which nothing is issued.',
    ),
  subjects: z
    .array(subjectSchema)
    .min(1)
    .describe('Builds this entry trusts: one of these has to match in all its fields.'),
  subject: z
    .enum(subjectForms)
    .optional()
    .describe(
      'The `sub` towards the cloud: repository (default) repo:<slug>@<id>:…, policy for one subject policy:<entry>, identity for one subject identity:<identity> of several entries. The last two cover exactly one trust class.',
    ),
  identity: slug.describe('Which of the identities these builds may become.'),
  audiences: z
    .array(z.string().min(1).max(600))
    .min(1)
    .describe('Audiences an ID token may be asked for, letter by letter.'),
  lifetime: lifetime.optional(),
  direct: z
    .boolean()
    .optional()
    .describe(
      'Also hand out a plain ID token by the secret extension (`path: oidc`), for plugins that know no exchange. Never with pull_request, fork or params classes.',
    ),
  grants: z
    .array(
      z.discriminatedUnion('service', [blobGrant, fileGrant], {
        error: 'must be "blob" or "file"',
      }),
    )
    .optional()
    .describe('What the identity may do in storage: for the trust plan, the gateway and reviews.'),
})

const resourceGroup = z
  .string()
  .regex(/^[-\w.()]{0,89}[-\w()]$/, 'must be a resource group: up to 90 letters, digits and _-.()')
  .describe('Resource group.')

const identitySchema = z.strictObject({
  tenant_id: guid.describe('Directory (tenant) id.'),
  client_id: guid
    .optional()
    .describe(
      'Application (client) id. Until it is here, nothing is issued: `trust apply` tells it.',
    ),
  kind: z
    .enum(identityKinds)
    .optional()
    .describe(
      'application (default), an app registration; or managed_identity, whose tokens live for a day.',
    ),
  display_name: z
    .string()
    .min(1)
    .max(120)
    .optional()
    .describe('Name of the application or managed identity that `trust apply` makes.'),
  subscription: guid.optional().describe('Subscription of a managed identity.'),
  resource_group: resourceGroup.optional(),
  location: z
    .string()
    .regex(/^[a-z0-9]{1,60}$/, 'must be a region such as westeurope')
    .optional()
    .describe('Region of a managed identity, needed to make it.'),
})

const accountSchema = z.strictObject({
  subscription: guid.describe('Subscription of the storage account.'),
  resource_group: resourceGroup,
  cloud: z.enum(cloudNames).optional().describe('Azure cloud: public (default), usgov or china.'),
})

/** The whole file. */
export const fileSchema = z.strictObject({
  version: z.literal(1, { error: 'must be 1' }).describe('Version of this format.'),
  accounts: z
    .record(accountName, accountSchema)
    .optional()
    .describe('Where the storage accounts of grants are, for the trust commands.'),
  identities: z
    .record(slug, identitySchema)
    .describe('Entra applications that builds may become, by a name of your own.'),
  policies: z
    .array(entrySchema)
    .describe('Entries. Deny by default: a build that no entry admits gets nothing.'),
})

/** A file of good form. */
export type PolicyFile = z.output<typeof fileSchema>

/** The keys that may stand in the map at a path, for "did you mean". */
export function keysAt(path: readonly PropertyKey[]): string[] {
  const [top] = path
  const kind = path[2]
  if (path.length === 0) return Object.keys(fileSchema.shape)
  if (top === 'accounts') return Object.keys(accountSchema.shape)
  if (top === 'identities') return Object.keys(identitySchema.shape)
  if (kind === 'subjects') return Object.keys(subjectSchema.shape)
  if (kind === 'grants') return Object.keys({ ...blobGrant.shape, ...fileGrant.shape })
  return Object.keys(entrySchema.shape)
}

/** The JSON Schema (draft 2020-12) of the file, for editors; the loader checks more than it can say. */
export function toJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(fileSchema, { target: 'draft-2020-12', io: 'input' })
  const { $schema, ...rest } = schema
  return {
    $schema,
    $id: schemaId,
    title: 'Azure Storage Drone policy, version 1',
    description: 'Which builds may become which identity. Deny by default.',
    ...rest,
  }
}
