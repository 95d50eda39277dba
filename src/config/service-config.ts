// The trust service's configuration: one YAML file, secrets only by reference to a file or a
// variable, every problem reported at once.
import { parseDocument } from 'yaml'
import * as z from 'zod'

import type { InstanceId, ScmKind } from '../ci/build.ts'
import { Fault, messageOf } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { explainBadGlob } from '../policy/glob.ts'

/** A runner that may ask for tokens: its own name, token and repositories. */
export type Runner = {
  name: string
  token: Secret
  repositories: readonly string[]
  /** Whether the environ extension answers it: every step of every pipeline then sees a token. */
  environ: boolean
}

/** One CI server with its runners; its issuer is `<issuer_url>/<instance>`. */
export type Instance = {
  instance: InstanceId
  scm: ScmKind
  webhookSecret: Secret
  runners: ReadonlyMap<string, Runner>
}

/** Where a door listens; `ca` is appended to what it presents, and pinned in request tokens. */
export type Listener = {
  host: string
  port: number
  tls: { certificateFile: string; keyFile: string; caFile: string | undefined } | undefined
}

/** The whole configuration, checked. */
export type ServiceConfig = {
  issuerUrl: string
  serviceUrl: string
  policyFile: string
  stateFolder: string
  node: string
  listen: { ci: Listener; steps: Listener; public: Listener }
  instances: ReadonlyMap<string, Instance>
}

/** What reading a configuration needs: files by name and variables. */
export type ConfigSources = {
  readFile: (path: string) => string
  env: Readonly<Record<string, string | undefined>>
}

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits, dashes')
const url = z.url({ protocol: /^https?$/ }).superRefine((text, context) => {
  if (/[?#@%]/.test(text) || text.endsWith('/')) {
    const message = 'must have no query, fragment, user, percent sign or trailing slash'
    context.addIssue({ code: 'custom', message })
  }
})
const httpsUrl = url.refine((text) => text.startsWith('https:'), 'must begin with https://')
const glob = z.string().superRefine((pattern, context) => {
  const why = pattern === '**' ? undefined : explainBadGlob(pattern)
  if (why) context.addIssue({ code: 'custom', message: `"${pattern}" ${why}` })
})

const secretFields = { file: z.string().min(1).optional(), env: z.string().min(1).optional() }
const secretReference = z
  .strictObject(secretFields)
  .refine(({ file, env }) => (file === undefined) !== (env === undefined), 'wants file or env')

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

const fileSchema = z.strictObject({
  issuer_url: httpsUrl,
  service_url: url,
  allow_http_service_url: z.boolean().default(false),
  policy_file: z.string().min(1),
  state_dir: z.string().min(1),
  node: name.default('node-1'),
  listen: z.strictObject({ ci: listener, steps: listener, public: listener }),
  instances: z.record(
    name,
    z.strictObject({
      scm: z.enum(['github', 'gitea', 'gitlab', 'gogs', 'bitbucket', 'stash']),
      webhook_secret: secretReference,
      runners: z.record(
        name,
        z.strictObject({
          token: secretReference,
          repositories: z.array(glob).min(1),
          environ: z.boolean().default(false),
        }),
      ),
    }),
  ),
})

type ConfigFile = z.output<typeof fileSchema>

const shortestTokenBytes = 32

/** Reads the configuration file; throws config_invalid with every problem in it. */
export function readServiceConfig(sources: ConfigSources, path: string): ServiceConfig {
  let yaml: unknown
  try {
    const document = parseDocument(sources.readFile(path), { uniqueKeys: true })
    // A tag or directive nobody knows is a mistake as well, not a line on stderr.
    const [mistake] = [...document.errors, ...document.warnings]
    if (mistake) throw mistake
    yaml = document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    const why = messageOf(cause)
    throw new Fault('config_invalid', `The configuration ${path} cannot be read: ${why}`, { cause })
  }
  const result = fileSchema.safeParse(yaml)
  if (!result.success) {
    throw problems(
      path,
      result.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`),
    )
  }
  const found: string[] = []
  const config = toConfig(sources, result.data, found)
  if (found.length > 0) throw problems(path, found)
  return config
}

function toConfig(sources: ConfigSources, file: ConfigFile, found: string[]): ServiceConfig {
  if (file.service_url.startsWith('http:') && !file.allow_http_service_url) {
    found.push(
      'service_url: begins with http://, so request tokens would travel in clear; use https, or set allow_http_service_url: true',
    )
  }
  const instances = new Map<string, Instance>()
  const tokens = new Map<string, string>()
  const secret = (at: string, reference: z.output<typeof secretReference>): Secret => {
    const value = resolveSecret(sources, at, reference, found)
    const other = tokens.get(value.reveal())
    if (other !== undefined && !value.isEmpty) {
      found.push(`${at}: is the same secret as ${other}; each door and runner needs its own`)
    }
    tokens.set(value.reveal(), at)
    return value
  }
  for (const [id, instance] of Object.entries(file.instances)) {
    const at = `instances.${id}`
    const runners = Object.entries(instance.runners).map(([runner, { token, ...rest }]) => ({
      name: runner,
      token: secret(`${at}.runners.${runner}.token`, token),
      ...rest,
    }))
    instances.set(id, {
      instance: id as InstanceId,
      scm: instance.scm,
      webhookSecret: secret(`${at}.webhook_secret`, instance.webhook_secret),
      runners: new Map(runners.map((runner) => [runner.name, runner])),
    })
  }
  return {
    issuerUrl: file.issuer_url,
    serviceUrl: file.service_url,
    policyFile: file.policy_file,
    stateFolder: file.state_dir,
    node: file.node,
    listen: {
      ci: toListener(file.listen.ci),
      steps: toListener(file.listen.steps),
      public: toListener(file.listen.public),
    },
    instances,
  }
}

function resolveSecret(
  { readFile, env }: ConfigSources,
  at: string,
  { file, env: variable }: z.output<typeof secretReference>,
  found: string[],
): Secret {
  let value = ''
  try {
    value = (file === undefined ? (env[variable ?? ''] ?? '') : readFile(file)).trim()
  } catch (cause) {
    found.push(`${at}: ${messageOf(cause)}`)
    return new Secret('')
  }
  if (Buffer.byteLength(value) < shortestTokenBytes) {
    const source = file ?? `the variable ${variable}`
    found.push(`${at}: ${source} holds fewer than ${shortestTokenBytes} bytes`)
  }
  return new Secret(value)
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
