// A push to main of octo/hello as Woodpecker 3.17 tells of it, for tests of its parser.
import type { InstanceId } from '../build.ts'
import type { WoodpeckerOrigin } from './payload.ts'

/** The instance the tests configure. */
export const origin: WoodpeckerOrigin = {
  instance: 'wood' as InstanceId,
  scm: 'gitea',
  forgeId: 1,
}

const repository = {
  id: 9,
  forge_id: 1,
  forge_remote_id: '42',
  org_id: 1,
  owner: 'octo',
  name: 'hello',
  full_name: 'octo/hello',
  clone_url: 'https://scm.example/octo/hello.git',
  clone_url_ssh: '',
  default_branch: 'main',
  pr_enabled: true,
  timeout: 60,
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
}

const pipeline = {
  id: 1001,
  number: 7,
  author: 'octocat',
  parent: 0,
  event: 'push',
  event_reason: null,
  status: 'created',
  errors: null,
  created: 1_795_000_000,
  updated: 1_795_000_000,
  started: 0,
  finished: 0,
  deploy_to: '',
  deploy_task: '',
  commit: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
  branch: 'main',
  rerun_count: 0,
  ref: 'refs/heads/main',
  refspec: '',
  author_avatar: '',
  forge_url: 'https://scm.example/octo/hello/commit/c0ffee00',
  reviewed_by: '',
  reviewed: 0,
  changed_files: ['README.md'],
  version: '3.17.0',
  title: '',
  message: 'a <b> & more',
  timestamp: 1_795_000_000,
  sender: 'octocat',
  author_email: 'octocat@example.com',
}

/** The body of a request; changes may be of any shape. */
export function requestBody(
  changes: { repo?: object; pipeline?: object; more?: object } = {},
): Buffer {
  return Buffer.from(
    JSON.stringify({
      repo: { ...repository, ...changes.repo },
      pipeline: { ...pipeline, ...changes.pipeline },
      ...changes.more,
    }),
  )
}
