// What a cache action has to know of its build and its machine. What the build says of itself are labels that
// whoever writes the step can set: which caches it may really touch, storage decides by its identity.
import { homedir, hostname } from 'node:os'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'

import { hashFiles } from '../cache/hash-files.ts'
import { applyPreset } from '../cache/preset.ts'
import { chooseScopes, readScope, type Scopes } from '../cache/scope.ts'
import { fillTemplate, type TemplateFacts } from '../cache/template.ts'
import { Fault } from '../core/fault.ts'
import { readContext } from './context.ts'
import { type Environment, invalid } from './settings.ts'
import type { CacheJob } from './settings/cache.ts'

/** Where a step runs. */
export type Workspace = { folder: string; env: Environment; now: Date }

/** Keys filled in, and paths found. */
export type CacheWish = {
  key: string
  restoreKeys: string[]
  paths: string[]
  roots: string[]
}

/** Where tools that are told nothing keep what they keep. */
const [archNames, osNames] = [
  { x64: 'amd64', arm64: 'arm64' } as Readonly<Record<string, string>>,
  { win32: 'windows' } as Readonly<Record<string, string>>,
]

/** Paths and keys of a save or a restore; undefined when `preset: auto` finds no tool. Throws `cache_key_invalid`. */
export function readWish(job: CacheJob, workspace: Workspace): CacheWish | undefined {
  const { folder, env } = workspace
  const preset = job.preset === 'none' ? undefined : applyPreset(job.preset, folder, env)
  const paths = job.paths.length > 0 ? [...job.paths] : preset?.paths
  const template = job.key ?? preset?.key
  if (paths === undefined || template === undefined) return undefined
  const restoreKeys = job.restoreKeys.length > 0 ? job.restoreKeys : (preset?.restoreKeys ?? [])
  const facts = toTemplateFacts(workspace)
  const roots = paths.map((path) => toRoot(path, folder))
  assertApart(paths, roots)
  return {
    key: fillTemplate(template, facts),
    restoreKeys: restoreKeys.map((each) => fillTemplate(each, facts)),
    paths,
    roots,
  }
}

/** The scopes of this build, or the one that was named; throws `cache_scope_unknown`. */
export function readScopes(job: CacheJob, env: Environment): Scopes {
  if (job.scope !== undefined) {
    const scope = readScope(job.scope)
    if (scope !== undefined) return { writes: scope, reads: [scope] }
    throw unknown(`“${job.scope}” is no scope.`)
  }
  const scopes = chooseScopes({ event: readContext(env).event, ...readBranches(env) })
  if (scopes) return scopes
  throw unknown('Neither branch nor pull request of the build is known.')
}

/** The folder of the repository's caches, ending in a slash; throws `plugin_setting_invalid`. */
export function readFolder(job: CacheJob, env: Environment): string {
  const folder = job.folder === '' ? readContext(env).repository : job.folder
  if (folder !== '' && !folder.split('/').includes('..')) return `${folder}/`
  throw invalid(['`target` is missing: the folder of the repository’s caches'])
}

/** Where what the disk remembers of these roots is kept; undefined where it would be in one of them. */
export function stateFileOf(roots: readonly string[], folder: string, hash: string) {
  const file = (isRepository: boolean) =>
    join(folder, isRepository ? '.git/azure-storage-drone' : '.azure-storage-drone', hash)
  const isInside = (path: string) => roots.some((root) => holds(root, path))
  return {
    inRepository: file(true),
    beside: file(false),
    isUsable: !isInside(dirname(file(false))),
  }
}

/** Name of this machine, for what a killed restore leaves. */
export function machineName(): string {
  return hostname()
}

function readBranches(env: Environment) {
  const read = (...names: string[]) => names.map((name) => env[name]).find((text) => text) ?? ''
  return {
    branch: read('DRONE_BRANCH', 'CI_COMMIT_BRANCH'),
    defaultBranch: read('DRONE_REPO_BRANCH', 'CI_REPO_DEFAULT_BRANCH'),
    pullRequest: read('DRONE_PULL_REQUEST', 'CI_COMMIT_PULL_REQUEST'),
  }
}

function toTemplateFacts({ folder, env, now }: Workspace): TemplateFacts {
  return {
    branch: readBranches(env).branch,
    buildNumber: readContext(env).buildNumber,
    arch: archNames[process.arch] ?? process.arch,
    os: osNames[process.platform] ?? process.platform,
    epochSeconds: Math.floor(now.getTime() / 1000),
    env,
    hashFiles: (globs) => hashFiles(folder, globs),
  }
}

function toRoot(path: string, folder: string): string {
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1))
  return isAbsolute(path) ? resolve(path) : resolve(folder, path)
}

// What lies in two of them would be restored twice, once over itself.
function assertApart(paths: readonly string[], roots: readonly string[]): void {
  for (const [index, root] of roots.entries()) {
    const inner = roots.findIndex((other, at) => at !== index && holds(root, other))
    if (inner < 0) continue
    throw invalid([`\`path\` has “${paths[inner]}”, which lies in “${paths[index]}” already`])
  }
}

function holds(root: string, path: string): boolean {
  const way = relative(root, path)
  return way === '' || (!way.startsWith('..') && !isAbsolute(way))
}

function unknown(sentence: string): Fault {
  return new Fault('cache_scope_unknown', sentence)
}
