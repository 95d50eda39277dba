// The CI servers of a configuration: their witnesses, their runners, and the extensions a runner's
// other requests are passed on to.
import * as z from 'zod'

import type { InstanceId, ScmKind } from '../ci/build.ts'
import { messageOf } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { glob } from './repositories.ts'
import { secretReference, type ConfigSources, type SecretReader } from './secret-reference.ts'
import { toWoodpecker, woodpeckerSchema, type WoodpeckerSettings } from './woodpecker.ts'

/** A server that this service calls: without a trailing slash, with certificates (PEM) to trust if there are any. */
export type Remote = { url: string; token: Secret; ca?: string }

/** Whose word on a build must be heard: see docs/ci.md. */
export type WitnessRule = 'webhook' | 'api' | 'both'

/** A runner that may ask for tokens: its own name, token and repositories. */
export type Runner = {
  name: string
  token: Secret
  repositories: readonly string[]
  /** Whether the environ extension answers it: every step of every pipeline then sees a token. */
  environ: boolean
  /** Whether its answers are encrypted with its token. */
  encryptAnswers: boolean
  /** Extensions that get what is not ours. */
  upstream: { secret?: Remote; environ?: Remote }
}

/** One CI server, with its runners unless it is Woodpecker; its issuer is `<issuer_url>/<instance>`. */
export type Instance = {
  instance: InstanceId
  scm: ScmKind
  /** Absent where the server's API is the only witness. */
  webhookSecret?: Secret
  api?: Remote
  witness: WitnessRule
  runners: ReadonlyMap<string, Runner>
  woodpecker?: WoodpeckerSettings
}

/** Names in a configuration; they are path segments. */
export const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits, dashes')

/** An http or https URL with nothing in it but host, port and path. */
export const plainUrl = z.url({ protocol: /^https?$/ }).superRefine((text, context) => {
  if (/[?#@%]/.test(text) || text.endsWith('/')) {
    const message = 'must have no query, fragment, user, percent sign or trailing slash'
    context.addIssue({ code: 'custom', message })
  }
})

const remote = z
  .strictObject({
    url: plainUrl,
    token: secretReference,
    ca_file: z.string().min(1).optional(),
    allow_http: z.boolean().default(false),
  })
  .refine(({ url, allow_http: isAllowed }) => isAllowed || url.startsWith('https:'), {
    path: ['url'],
    message: 'begins with http://, so secrets would travel in clear; use https, or set allow_http',
  })

/** The `instances` of the file. */
export const instancesSchema = z.record(
  name,
  z.strictObject({
    ci: z.enum(['drone', 'woodpecker']).default('drone'),
    scm: z.enum(['github', 'gitea', 'gitlab', 'gogs', 'bitbucket', 'stash']),
    webhook_secret: secretReference.optional(),
    api: remote.optional(),
    witness: z.enum(['webhook', 'api', 'both']).optional(),
    runners: z
      .record(
        name,
        z.strictObject({
          token: secretReference,
          repositories: z.array(glob).min(1),
          environ: z.boolean().default(false),
          encrypt_answers: z.boolean().default(false),
          upstream: z
            .strictObject({ secret: remote.optional(), environ: remote.optional() })
            .default({}),
        }),
      )
      .optional(),
    woodpecker: woodpeckerSchema.optional(),
  }),
)

type InstanceFile = z.output<typeof instancesSchema>[string]
type RunnerFile = NonNullable<InstanceFile['runners']>[string]
type RemoteFile = z.output<typeof remote>

/** Reads secrets and certificates of every instance; what is wrong is added to `found`. */
export function toInstances(
  sources: ConfigSources & { secrets: SecretReader },
  file: z.output<typeof instancesSchema>,
  found: string[],
): Map<string, Instance> {
  const read = createReader(sources, sources.secrets, found)
  return new Map(
    Object.entries(file).map(([id, instance]) => [
      id,
      toInstance({ ...sources, read }, id, instance, found),
    ]),
  )
}

type Reader = {
  own: SecretReader['own']
  /** A server to call. Two runners may share an upstream, and its owner chose how long its token is. */
  remote: (at: string, file: RemoteFile, shortestBytes: number) => Remote
}

function createReader(
  { readFile }: Pick<ConfigSources, 'readFile'>,
  secrets: SecretReader,
  found: string[],
): Reader {
  return {
    own: secrets.own,
    remote: (at, file, shortestBytes) => {
      const how = { shortestBytes, isShared: at.includes('.upstream.') }
      const token = secrets.shown(`${at}.token`, file.token, how)
      if (file.ca_file === undefined) return { url: file.url, token }
      try {
        return { url: file.url, token, ca: readFile(file.ca_file) }
      } catch (cause) {
        found.push(`${at}.ca_file: ${messageOf(cause)}`)
        return { url: file.url, token }
      }
    },
  }
}

const shortestApiTokenBytes = 32
const shortestUpstreamTokenBytes = 16

function toInstance(
  { read, readFile }: { read: Reader } & Pick<ConfigSources, 'readFile'>,
  id: string,
  file: InstanceFile,
  found: string[],
): Instance {
  const at = `instances.${id}`
  const runners = Object.entries(file.runners ?? {}).map(([runner, each]) =>
    toRunner(read, `${at}.runners.${runner}`, runner, each),
  )
  const { webhook_secret: webhookSecret, api, woodpecker } = file
  const isWoodpecker = file.ci === 'woodpecker'
  if (isWoodpecker !== (woodpecker !== undefined)) {
    found.push(`${at}: ci: woodpecker and woodpecker: go together`)
  }
  if (!isWoodpecker) explainWitness(at, file, found)
  return {
    instance: id as InstanceId,
    scm: file.scm,
    ...(webhookSecret && { webhookSecret: read.own(`${at}.webhook_secret`, webhookSecret) }),
    ...(api && { api: read.remote(`${at}.api`, api, shortestApiTokenBytes) }),
    witness: isWoodpecker ? 'api' : witnessOf(file),
    runners: new Map(runners.map((runner) => [runner.name, runner])),
    ...(woodpecker && {
      woodpecker: toWoodpecker(
        { readFile },
        at,
        woodpecker,
        {
          hasRunners: file.runners !== undefined,
          hasWebhookSecret: webhookSecret !== undefined,
          witness: file.witness,
          apiUrl: api?.url,
        },
        found,
      ),
    }),
  }
}

function witnessOf({ witness, webhook_secret: webhookSecret, api }: InstanceFile): WitnessRule {
  return witness ?? (webhookSecret || !api ? 'webhook' : 'api')
}

function explainWitness(at: string, file: InstanceFile, found: string[]): void {
  const rule = witnessOf(file)
  if (file.runners === undefined) found.push(`${at}.runners: a Drone server needs one at least`)
  if (rule !== 'api' && !file.webhook_secret) {
    found.push(`${at}: has no webhook_secret; give it one, or an api to ask (witness: api)`)
  }
  if (rule !== 'webhook' && !file.api) {
    found.push(`${at}: witness: ${rule} needs an api to ask`)
  }
}

function toRunner(read: Reader, at: string, runner: string, file: RunnerFile): Runner {
  const upstream = (door: 'secret' | 'environ') => {
    const remoteFile = file.upstream[door]
    if (!remoteFile) return {}
    return { [door]: read.remote(`${at}.upstream.${door}`, remoteFile, shortestUpstreamTokenBytes) }
  }
  return {
    name: runner,
    token: read.own(`${at}.token`, file.token),
    repositories: file.repositories,
    environ: file.environ,
    encryptAnswers: file.encrypt_answers,
    upstream: { ...upstream('secret'), ...upstream('environ') },
  }
}
