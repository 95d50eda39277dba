// The trust service's configuration: one YAML file, secrets only by reference to a file or a
// variable, every problem reported at once.
import { parseDocument } from 'yaml'
import * as z from 'zod'

import { Fault, messageOf } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import type { KeySettings } from '../keys/settings.ts'
import { azureSchema, type AzureSettings } from './azure.ts'
import { replicaFields, toReplicaSettings, type ReplicaSettings } from './database.ts'
import { deprecatedNames, renameDeprecated } from './deprecated.ts'
import { instancesSchema, name, plainUrl, toInstances, type Instance } from './instances.ts'
import { keysSchema, toKeySettings } from './keys.ts'
import { ledgerSchema, type LedgerSettings } from './ledger.ts'
import {
  createSecretReader,
  secretReference,
  type ConfigSources,
  type SecretReader,
} from './secret-reference.ts'
import {
  adminUrlSchema,
  isLoopback,
  signInSchema,
  toSignInSettings,
  type SignInSettings,
} from './sign-in.ts'

/** Where a door listens; `ca` is appended to what it presents, and pinned in request tokens. */
export type Listener = {
  host: string
  port: number
  tls: { certificateFile: string; keyFile: string; caFile: string | undefined } | undefined
}

/** The whole configuration, checked. */
export type ServiceConfig = ReplicaSettings & {
  /** What works but will not for ever, a sentence each: old names of settings. */
  warnings: readonly string[]
  issuerUrl: string
  serviceUrl: string
  policyFile: string
  stateFolder: string
  listen: { ci: Listener; steps: Listener; public: Listener; admin?: Listener }
  /** Tokens of those who may use the admin door, by name. */
  admins: ReadonlyMap<string, Secret>
  /** How people sign in at the admin door, and its outside address. */
  signIn?: SignInSettings
  adminUrl?: string
  azure: AzureSettings
  keys: KeySettings
  ledger: LedgerSettings
  rateLimits: RateLimits
  instances: ReadonlyMap<string, Instance>
}

/** How many requests are served before a caller is asked to wait: a burst, and so many a minute after it. */
export type RateLimit = { burst: number; perMinute: number }

/** Limits for each runner, and for each address that shows no valid token. */
export type RateLimits = { runner: RateLimit; stranger: RateLimit }

/** What holds unless the file says otherwise. */
export const usualRateLimits: RateLimits = {
  runner: { burst: 600, perMinute: 3000 },
  stranger: { burst: 60, perMinute: 60 },
}

const httpsUrl = plainUrl.refine((text) => text.startsWith('https:'), 'must begin with https://')

const listener = z.strictObject({
  address: z
    .string()
    .regex(/^\[?[\w.:-]+\]?:\d{1,5}$/, 'must be of the form host:port')
    .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) < 65_536, 'has no such port'),
  tls: z
    .strictObject({
      certificate_file: z.string().min(1),
      key_file: z.string().min(1),
      ca_file: z.string().min(1).optional(),
    })
    .optional(),
})

const rateLimit = z
  .strictObject({ burst: z.int().min(1), per_minute: z.int().min(1) })
  .transform(({ burst, per_minute: perMinute }): RateLimit => ({ burst, perMinute }))

/** The form of the file, from which the reference of its keys is made. */
export const fileSchema = z.strictObject({
  issuer_url: httpsUrl,
  service_url: plainUrl,
  allow_http_service_url: z.boolean().default(false),
  policy_file: z.string().min(1),
  state_dir: z.string().min(1),
  ...replicaFields,
  listen: z.strictObject({
    ci: listener,
    steps: listener,
    public: listener,
    admin: listener.optional(),
  }),
  admins: z.record(name, z.strictObject({ token: secretReference })).default({}),
  admin_url: adminUrlSchema.optional(),
  sign_in: signInSchema.optional(),
  azure: azureSchema,
  keys: keysSchema,
  ledger: ledgerSchema,
  rate_limits: z
    .strictObject({
      runner: rateLimit.default(usualRateLimits.runner),
      stranger: rateLimit.default(usualRateLimits.stranger),
    })
    .default(usualRateLimits),
  instances: instancesSchema,
})

// Far above any real file, and far below what would keep a parser busy.
const longestFile = 1024 * 1024

type ConfigFile = z.output<typeof fileSchema>

/** Reads the configuration file, old names under their new ones; throws config_invalid with every problem in it. */
export function readServiceConfig(
  sources: ConfigSources,
  path: string,
  deprecations = deprecatedNames,
): ServiceConfig {
  let yaml: unknown
  try {
    const text = sources.readFile(path)
    if (text.length > longestFile) throw new Error(`it has more than ${longestFile} characters`)
    const document = parseDocument(text, { uniqueKeys: true })
    // A tag or directive nobody knows is a mistake as well, not a line on stderr.
    const [mistake] = [...document.errors, ...document.warnings]
    if (mistake) throw mistake
    yaml = document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    const why = messageOf(cause)
    throw new Fault('config_invalid', `The configuration ${path} cannot be read: ${why}`, { cause })
  }
  const [warnings, found]: [string[], string[]] = [[], []]
  const result = fileSchema.safeParse(renameDeprecated(deprecations, yaml, { warnings, found }))
  if (!result.success) {
    const { issues } = result.error
    found.push(...issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`))
    throw problems(path, found)
  }
  const config = toConfig(sources, result.data, found)
  if (found.length > 0) throw problems(path, found)
  return { ...config, warnings }
}

function toConfig(
  sources: ConfigSources,
  file: ConfigFile,
  found: string[],
): Omit<ServiceConfig, 'warnings'> {
  if (file.service_url.startsWith('http:') && !file.allow_http_service_url) {
    found.push(
      'service_url: begins with http://, so request tokens would travel in clear; use https, or set allow_http_service_url: true',
    )
  }
  const secrets = createSecretReader(sources, found)
  const { admin } = file.listen
  return {
    issuerUrl: file.issuer_url,
    serviceUrl: file.service_url,
    policyFile: file.policy_file,
    stateFolder: file.state_dir,
    ...toReplicaSettings(sources, file, found),
    listen: {
      ci: toListener(file.listen.ci),
      steps: toListener(file.listen.steps),
      public: toListener(file.listen.public),
      ...(admin && { admin: toListener(admin) }),
    },
    admins: toAdmins(secrets, file, found),
    ...(file.sign_in && { signIn: toSignInSettings(secrets, file.sign_in) }),
    ...(file.admin_url !== undefined && { adminUrl: file.admin_url }),
    azure: file.azure,
    keys: toKeySettings(sources, file.keys, { hasDatabase: file.database !== undefined }, found),
    ledger: file.ledger,
    rateLimits: file.rate_limits,
    instances: toInstances({ ...sources, secrets }, file.instances, found),
  }
}

function toAdmins(
  secrets: SecretReader,
  { admins, listen, sign_in: signIn, admin_url: adminUrl }: ConfigFile,
  found: string[],
): ReadonlyMap<string, Secret> {
  const list = Object.entries(admins)
  if (listen.admin && list.length === 0 && !signIn) {
    found.push('listen.admin: nobody may use this door; name somebody in `admins`, or `sign_in`')
  }
  if (!listen.admin && list.length > 0) {
    found.push('admins: have no door; give them one with `listen.admin`')
  }
  if (!listen.admin && signIn) {
    found.push('sign_in: has no door; give it one with `listen.admin`')
  }
  if (signIn && adminUrl === undefined) {
    found.push('sign_in: needs `admin_url`, where the provider sends people back to')
  }
  if (listen.admin && !listen.admin.tls && !isLoopback(toListener(listen.admin).host)) {
    found.push('listen.admin: needs tls unless it is on loopback, or tokens would travel in clear')
  }
  return new Map(
    list.map(([admin, { token }]) => [admin, secrets.own(`admins.${admin}.token`, token)]),
  )
}

function toListener({ address, tls }: ConfigFile['listen']['ci']): Listener {
  const colon = address.lastIndexOf(':')
  return {
    host: address.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(address.slice(colon + 1)),
    tls: tls && {
      certificateFile: tls.certificate_file,
      keyFile: tls.key_file,
      caFile: tls.ca_file,
    },
  }
}

function problems(path: string, found: string[]): Fault {
  const list = found.map((problem) => `\n  - ${problem}`).join('')
  return new Fault(
    'config_invalid',
    `The configuration ${path} has ${found.length} problem(s):${list}`,
  )
}
