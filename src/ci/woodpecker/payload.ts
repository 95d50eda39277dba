// Woodpecker's JSON about repositories and pipelines (server/model/{repo,pipeline}.go), turned into a
// Build. Unknown fields are ignored, and `netrc`, a token for the source-code host, is never kept.
import * as z from 'zod'

import { Fault } from '../../core/fault.ts'
import type { Build, InstanceId, ScmKind } from '../build.ts'
import { parseBody } from '../parse-body.ts'
import { count, line, slug, text, timeoutMinutes, variables } from '../wire-fields.ts'

const events = [
  'push',
  'tag',
  'release',
  'pull_request',
  'pull_request_closed',
  'pull_request_metadata',
  'deployment',
  'cron',
  'manual',
] as const

type PipelineEvent = (typeof events)[number]

/** An event as a secret can be restricted to it: all three of pull requests count as one. */
export type SecretEvent = Exclude<PipelineEvent, 'pull_request_closed' | 'pull_request_metadata'>

/** What the configuration knows and a payload does not say; one instance stands for one forge. */
export type WoodpeckerOrigin = { instance: InstanceId; scm: ScmKind; forgeId: number }

/** The server asks for the secrets of a build, which can be restricted to its event. */
export type SecretsRequest = { build: Build; event: SecretEvent }

const repositorySchema = z.object({
  id: count.min(1),
  forge_id: count.min(1),
  // "0" is what Woodpecker itself takes for none.
  forge_remote_id: line.min(1).refine((id) => id !== '0'),
  full_name: slug,
  default_branch: line.default(''),
  visibility: line.default(''),
  trusted: z
    .object({
      network: z.boolean().default(false),
      volumes: z.boolean().default(false),
      security: z.boolean().default(false),
    })
    .nullish(),
  require_approval: line.default(''),
  timeout: timeoutMinutes,
})

const workflowSchema = z.object({
  pid: count,
  name: line.default(''),
  state: line.default(''),
  agent_id: count.default(0),
})

const pipelineSchema = z.object({
  id: count.min(1),
  number: count.min(1),
  parent: count.default(0),
  event: z.enum(events),
  status: line.default(''),
  updated: count.default(0),
  author: text.default(''),
  commit: line.default(''),
  ref: line.default(''),
  refspec: line.default(''),
  branch: line.default(''),
  deploy_to: line.default(''),
  cron: line.default(''),
  variables: variables.nullish(),
  from_fork: z.boolean().default(false),
  workflows: z.array(workflowSchema).nullish(),
})

// zod keeps what is named: netrc is not.
const requestSchema = z.object({ repo: repositorySchema, pipeline: pipelineSchema })

type RepositoryJson = z.output<typeof repositorySchema>
type PipelineJson = z.output<typeof pipelineSchema>

/** Stands among the names of variables where nobody tells them. */
export const untoldVariables = 'unknown, because it was restarted'

/** Reads a secret-extension request; throws ci_request_invalid or ci_forge_other. */
export function parseSecretsRequest(origin: WoodpeckerOrigin, body: Uint8Array): SecretsRequest {
  const { repo, pipeline } = parseBody(
    requestSchema,
    body,
    (why) =>
      new Fault(
        'ci_request_invalid',
        `The signed request is not one that Woodpecker sends: ${why}.`,
      ),
  )
  if (repo.forge_id !== origin.forgeId) {
    throw new Fault(
      'ci_forge_other',
      `The repository ${repo.full_name} is one of forge ${repo.forge_id}, and the instance ${origin.instance} stands for forge ${origin.forgeId}.`,
    )
  }
  return { build: toBuild(origin, repo, pipeline), event: toSecretEvent(pipeline.event) }
}

/** Reads the server's API answers on a repository and a pipeline of it; throws ci_api_unavailable. */
export function parseApiPipeline(
  origin: WoodpeckerOrigin,
  answers: { repository: Uint8Array; pipeline: Uint8Array },
): Build {
  const fail = (why: string) =>
    new Fault(
      'ci_api_unavailable',
      `The answer of the Woodpecker server's API is unusable: ${why}.`,
    )
  const repository = parseBody(repositorySchema, answers.repository, fail)
  if (repository.forge_id !== origin.forgeId) throw fail('its repository is one of another forge')
  return toBuild(origin, repository, parseBody(pipelineSchema, answers.pipeline, fail))
}

function toBuild(origin: WoodpeckerOrigin, repo: RepositoryJson, pipeline: PipelineJson): Build {
  const { network = false, volumes = false, security = false } = repo.trusted ?? {}
  const isFork = whetherFork(pipeline)
  return {
    instance: origin.instance,
    scm: origin.scm,
    repository: {
      uid: repo.forge_remote_id,
      slug: repo.full_name,
      defaultBranch: repo.default_branch,
      visibility: repo.visibility,
      isTrusted: network || volumes || security,
      isProtected: repo.require_approval === 'all_events',
      timeoutMinutes: repo.timeout,
      serverId: repo.id,
    },
    id: pipeline.id,
    number: pipeline.number,
    parent: pipeline.parent,
    ...toEvent(pipeline.event),
    status: pipeline.status === 'created' ? 'pending' : pipeline.status,
    ref: pipeline.ref,
    sha: pipeline.commit,
    sourceRepository: '',
    ...(isFork !== undefined && { isFork }),
    sourceBranch: pipeline.refspec.split(':')[0] || pipeline.branch,
    targetBranch: pipeline.branch,
    sender: pipeline.author,
    trigger: toTrigger(pipeline),
    cron: pipeline.cron,
    deployTo: pipeline.deploy_to,
    parameterNames: toParameterNames(pipeline),
    version: pipeline.updated,
    stages: (pipeline.workflows ?? []).map(({ pid, name, state, agent_id: agent }) => ({
      number: pid,
      name,
      status: state,
      machine: agent > 0 ? `agent-${agent}` : '',
      type: '',
    })),
  }
}

// Only the hooks of pull requests compare the two repositories. A deployment hook names any ref, that
// of a fork's pull request too, and leaves the field empty: there false is no word at all.
function whetherFork({ event, from_fork: isFork }: PipelineJson): boolean | undefined {
  return isFork || event.startsWith('pull_request') ? isFork : undefined
}

function toEvent(event: PipelineEvent): { event: string; action: string } {
  switch (event) {
    case 'release':
      return { event: 'tag', action: 'release' }
    case 'pull_request_closed':
      return { event: 'pull_request', action: 'closed' }
    case 'pull_request_metadata':
      return { event: 'pull_request', action: 'metadata' }
    case 'deployment':
      return { event: 'promote', action: '' }
    case 'manual':
      return { event: 'custom', action: '' }
    default:
      return { event, action: '' }
  }
}

function toSecretEvent(event: PipelineEvent): SecretEvent {
  return event === 'pull_request_closed' || event === 'pull_request_metadata'
    ? 'pull_request'
    : event
}

// Who restarted a pipeline is not told; the author stays that of the first run.
function toTrigger({ event, parent, author }: PipelineJson): string {
  if (parent > 0) return ''
  if (event === 'manual') return author
  return event === 'cron' ? '@cron' : '@hook'
}

// A restart takes variables from its caller and gives them to every step, and neither the request nor
// the API shows them (server/pipeline/restart.go): so it counts as having some.
function toParameterNames({ parent, variables: told }: PipelineJson): string[] {
  return [...Object.keys(told ?? {}), ...(parent > 0 ? [untoldVariables] : [])]
}
