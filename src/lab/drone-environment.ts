// The variables of a docker runner's step (facts/drone.md §2.2; runner-go/environ): what the build, the
// stage and the step say, and a plugin's settings as PLUGIN_*. Empty ones are left out, as the runner does.
import type { LabBuild, LabRepository } from './drone.ts'

/** What else the server says of a build; all of it has a plain default. */
export type BuildWords = Partial<
  Record<'message' | 'source' | 'target' | 'before' | 'title' | 'action' | 'link', string>
> & { created?: number; started?: number }

/** All that a step of this name is told of its build. */
export function buildEnvironment(
  repository: LabRepository,
  build: LabBuild & BuildWords,
  step: { name: string; number: number },
): Record<string, string> {
  return dropEmpty({
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/drone',
    CI: 'true',
    DRONE: 'true',
    DRONE_SYSTEM_PROTO: 'https',
    DRONE_SYSTEM_HOST: 'drone.example',
    DRONE_SYSTEM_HOSTNAME: 'drone.example',
    DRONE_SYSTEM_VERSION: '2.28.2',
    DRONE_WORKSPACE: '/drone/src',
    DRONE_WORKSPACE_BASE: '/drone/src',
    DRONE_CARD_PATH: '/dev/stdout',
    GIT_TERMINAL_PROMPT: '0',
    ...repositoryVariables(repository),
    ...commitVariables(build),
    ...buildVariables(build),
    ...stageVariables(build),
    DRONE_STEP_NAME: step.name,
    DRONE_STEP_NUMBER: String(step.number),
  })
}

/** A step's settings as variables: keys upper-cased and nothing else, lists with commas, maps as JSON. */
export function toPluginVariables(
  settings: Readonly<Record<string, unknown>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([key, value]) => [`PLUGIN_${key.toUpperCase()}`, encodeSetting(value)]),
  )
}

function encodeSetting(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) {
    return value.map(String).join(',')
  }
  if (Array.isArray(value)) return JSON.stringify(value)
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(Object.fromEntries(entries))
}

function repositoryVariables({ slug }: LabRepository): Record<string, string> {
  const [namespace = '', name = ''] = slug.split('/')
  const link = `https://scm.example/${slug}`
  return {
    DRONE_REPO: slug,
    DRONE_REPO_OWNER: namespace,
    DRONE_REPO_NAMESPACE: namespace,
    DRONE_REPO_NAME: name,
    DRONE_REPO_LINK: link,
    DRONE_REPO_BRANCH: 'main',
    DRONE_REPO_VISIBILITY: 'private',
    DRONE_REPO_PRIVATE: 'true',
    DRONE_REMOTE_URL: `${link}.git`,
    DRONE_GIT_HTTP_URL: `${link}.git`,
  }
}

function commitVariables(build: LabBuild & BuildWords): Record<string, string> {
  const { source = 'main', target = 'main', message = '', link = '', before = '' } = build
  const [, pullRequest = ''] = /^refs\/pull\/(\d+)\//.exec(build.ref) ?? []
  return {
    DRONE_BRANCH: target,
    DRONE_SOURCE_BRANCH: source,
    DRONE_TARGET_BRANCH: target,
    DRONE_COMMIT: build.after,
    DRONE_COMMIT_SHA: build.after,
    DRONE_COMMIT_AFTER: build.after,
    DRONE_COMMIT_BEFORE: before,
    DRONE_COMMIT_REF: build.ref,
    DRONE_COMMIT_BRANCH: target,
    DRONE_COMMIT_LINK: link,
    DRONE_COMMIT_MESSAGE: message,
    DRONE_COMMIT_AUTHOR: build.sender,
    DRONE_PULL_REQUEST: pullRequest,
    DRONE_PULL_REQUEST_TITLE: pullRequest && (build.title ?? ''),
    DRONE_TAG: /^refs\/tags\/(.*)/.exec(build.ref)?.[1] ?? '',
    GIT_AUTHOR_NAME: build.sender,
    GIT_COMMITTER_NAME: build.sender,
  }
}

function buildVariables(build: LabBuild & BuildWords): Record<string, string> {
  return {
    DRONE_BUILD_NUMBER: String(build.number),
    DRONE_BUILD_PARENT: String(build.parent ?? ''),
    DRONE_BUILD_EVENT: build.event,
    DRONE_BUILD_ACTION: build.action ?? '',
    DRONE_BUILD_STATUS: 'success',
    DRONE_BUILD_TRIGGER: build.trigger,
    DRONE_BUILD_CREATED: String(build.created ?? ''),
    DRONE_BUILD_STARTED: String(build.started ?? ''),
    DRONE_DEPLOY_TO: build.deploy_to ?? '',
    DRONE_CRON: build.cron ?? '',
  }
}

function stageVariables(build: LabBuild & BuildWords): Record<string, string> {
  return {
    DRONE_STAGE_KIND: 'pipeline',
    DRONE_STAGE_TYPE: 'docker',
    DRONE_STAGE_NAME: 'default',
    DRONE_STAGE_NUMBER: '1',
    DRONE_STAGE_MACHINE: 'docker-1',
    DRONE_STAGE_OS: 'linux',
    DRONE_STAGE_ARCH: 'amd64',
    DRONE_STAGE_STATUS: 'success',
    DRONE_STAGE_STARTED: String(build.started ?? ''),
  }
}

function dropEmpty(variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''))
}
