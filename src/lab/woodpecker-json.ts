// Repositories and pipelines as a Woodpecker server writes them (server/model/{repo,pipeline}.go), with
// everything else it also sends.

/** A repository of a forge that Woodpecker knows. */
export type LabWoodpeckerRepository = {
  id: number
  forge_id: number
  forge_remote_id: string
  full_name: string
  timeout: number
}

/** What distinguishes one pipeline from another. */
export type LabPipeline = {
  id: number
  number: number
  parent: number
  event: string
  status: string
  updated: number
  author: string
  commit: string
  ref: string
  refspec: string
  branch: string
  deploy_to?: string
  cron?: string
  variables?: Record<string, string>
  from_fork?: boolean
}

/** A repository in requests and API answers. */
export function repositoryJson(repository: LabWoodpeckerRepository): Record<string, unknown> {
  const [owner, name] = repository.full_name.split('/')
  return {
    org_id: 1,
    owner,
    name,
    forge_url: `https://scm.example/${repository.full_name}`,
    clone_url: `https://scm.example/${repository.full_name}.git`,
    clone_url_ssh: '',
    default_branch: 'main',
    pr_enabled: true,
    visibility: 'private',
    private: true,
    trusted: { network: false, volumes: false, security: false },
    require_approval: 'forks',
    approval_allowed_users: null,
    active: true,
    allow_pr: true,
    allow_deploy: true,
    config_file: '',
    cancel_previous_pipeline_events: null,
    netrc_trusted: null,
    secret_extension_endpoint: '',
    ...repository,
  }
}

/** A pipeline in requests and API answers. */
export function pipelineJson(pipeline: LabPipeline): Record<string, unknown> {
  const { deploy_to: deployTo = '', from_fork: isFork = false, ...told } = pipeline
  return {
    event_reason: null,
    errors: null,
    created: pipeline.updated,
    started: 0,
    finished: 0,
    deploy_to: deployTo,
    deploy_task: '',
    rerun_count: 0,
    author_avatar: '',
    forge_url: 'https://scm.example/',
    reviewed_by: '',
    reviewed: 0,
    version: '3.17.0',
    title: 'a <b> & more',
    message: 'a <b> & more',
    timestamp: pipeline.updated,
    sender: pipeline.author,
    author_email: '',
    ...told,
    ...(isFork && { from_fork: true }),
  }
}

/** JSON as Go's encoder writes it: these three are escaped, and a line feed ends it. */
export function toGoJson(value: unknown): string {
  const json = JSON.stringify(value).replace(
    /[<>&]/g,
    (char) => `\\u00${char.charCodeAt(0).toString(16)}`,
  )
  return `${json}\n`
}
