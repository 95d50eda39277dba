// Drone's JSON about repositories and builds (drone-go/drone/types.go), turned into a Build. Unknown
// fields are ignored, old runners leave many out, and `repo.secret` is dropped right here.
import * as z from 'zod'

import { Fault } from '../../core/fault.ts'
import type { Build, InstanceId, ScmKind } from '../build.ts'
import { parseBody } from '../parse-body.ts'
import { count, line, slug, text, timeoutMinutes, variables } from '../wire-fields.ts'

const repositorySchema = z.object({
  uid: line.min(1),
  slug,
  default_branch: line.default(''),
  visibility: line.default(''),
  trusted: z.boolean().default(false),
  protected: z.boolean().default(false),
  timeout: timeoutMinutes,
})

const stageSchema = z.object({
  number: count,
  name: line.default(''),
  status: line.default(''),
  machine: line.default(''),
  type: line.default(''),
})

const buildSchema = z.object({
  id: count.min(1),
  number: count.min(1),
  parent: count.default(0),
  event: line,
  action: line.default(''),
  status: line.default(''),
  ref: line.default(''),
  after: line.default(''),
  source_repo: line.default(''),
  source: line.default(''),
  target: line.default(''),
  sender: text.default(''),
  trigger: line.default(''),
  cron: line.default(''),
  deploy_to: line.default(''),
  params: variables.nullish(),
  version: count.default(0),
  stages: z.array(stageSchema).nullish(),
})

const secretSchema = z.object({
  path: line.default(''),
  name: line.default(''),
  repo: repositorySchema,
  build: buildSchema,
})
// The API answers both apart; their ids say that they belong together.
const apiRepositorySchema = repositorySchema.extend({ id: count.min(1) })
const apiBuildSchema = buildSchema.extend({ repo_id: count.min(1) })
const environSchema = z.object({ repo: repositorySchema, build: buildSchema })
const webhookSchema = z.object({
  event: line,
  action: line.default(''),
  repo: repositorySchema.nullish(),
  build: buildSchema.nullish(),
})

/** Where a payload came from: what the configuration knows and the payload does not say. */
export type Origin = { instance: InstanceId; scm: ScmKind }

/** A runner asks for the secret `path`/`name` on behalf of a build. */
export type SecretRequest = { path: string; name: string; build: Build }

/** Reads a secret-extension request; throws ci_request_invalid. */
export function parseSecretRequest(origin: Origin, body: Uint8Array): SecretRequest {
  const { path, name, repo, build } = read(secretSchema, body)
  return { path, name, build: toBuild(origin, repo, build) }
}

/** Reads an environ-extension request; throws ci_request_invalid. */
export function parseEnvironRequest(origin: Origin, body: Uint8Array): Build {
  const { repo, build } = read(environSchema, body)
  return toBuild(origin, repo, build)
}

/** Reads a webhook; undefined when it is not about a build. Throws ci_request_invalid. */
export function parseWebhook(origin: Origin, body: Uint8Array): Build | undefined {
  // Webhooks about users and repositories carry other shapes and no build: they are not ours to judge.
  const { event } = read(z.object({ event: line }), body)
  if (event !== 'build') return undefined
  const { repo, build } = read(webhookSchema, body)
  return repo && build ? toBuild(origin, repo, build) : undefined
}

/** Reads the server's API answers on a repository and a build of it; throws ci_api_unavailable. */
export function parseApiBuild(
  origin: Origin,
  answers: { repository: Uint8Array; build: Uint8Array },
): Build {
  const fail = (why: string) =>
    new Fault('ci_api_unavailable', `The answer of the Drone server's API is unusable: ${why}.`)
  const repository = parseBody(apiRepositorySchema, answers.repository, fail)
  const build = parseBody(apiBuildSchema, answers.build, fail)
  if (build.repo_id !== repository.id) throw fail('its build is one of another repository')
  return toBuild(origin, repository, build)
}

function read<Schema extends z.ZodType>(schema: Schema, body: Uint8Array): z.output<Schema> {
  return parseBody(
    schema,
    body,
    (why) =>
      new Fault('ci_request_invalid', `The signed request is not one that Drone sends: ${why}.`),
  )
}

function toBuild(
  origin: Origin,
  repo: z.output<typeof repositorySchema>,
  build: z.output<typeof buildSchema>,
): Build {
  return {
    instance: origin.instance,
    scm: origin.scm,
    repository: {
      uid: repo.uid,
      slug: repo.slug,
      defaultBranch: repo.default_branch,
      visibility: repo.visibility,
      isTrusted: repo.trusted,
      isProtected: repo.protected,
      timeoutMinutes: repo.timeout,
    },
    id: build.id,
    number: build.number,
    parent: build.parent,
    event: build.event,
    action: build.action,
    status: build.status,
    ref: build.ref,
    sha: build.after,
    sourceRepository: build.source_repo,
    sourceBranch: build.source,
    targetBranch: build.target,
    sender: build.sender,
    trigger: build.trigger,
    cron: build.cron,
    deployTo: build.deploy_to,
    parameterNames: Object.keys(build.params ?? {}),
    version: build.version,
    stages: build.stages ?? [],
  }
}
