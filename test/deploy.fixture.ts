// The installations of deploy/ as values: configurations read with our own reader, and what kustomize would make.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { parse, parseAllDocuments } from 'yaml'

import { readServiceConfig, type ServiceConfig } from '../src/config/service-config.ts'
import { parsePolicy, type Policy } from '../src/policy/schema.ts'

/** Anything of a YAML file, to be walked with `at`. */
export type Node = { [key: string]: unknown }

/** A configuration, its policy, and the files it named as secrets. */
export type Configured = { config: ServiceConfig; policy: Policy; secretFiles: string[] }

/** Folders that hold a service.yaml and a policy.yaml. */
export const configured = [
  'deploy/compose',
  'deploy/kubernetes/try',
  'deploy/kubernetes/own-database',
  'deploy/systemd',
]

/** Reads a folder's configuration and policy as the service would; every secret is there and another one. */
export function readConfigured(folder: string): Configured {
  const secretFiles: string[] = []
  const readFile = (path: string) => {
    if (path.startsWith('deploy/')) return readFileSync(path, 'utf8')
    secretFiles.push(path)
    const value = createHash('sha256').update(path).digest('hex')
    return path.endsWith('database-url') ? `postgresql://trust:${value}@db:5432/trust` : value
  }
  const config = readServiceConfig(
    { readFile, env: { POD_NAME: 'trust-0' } },
    join(folder, 'service.yaml'),
  )
  return {
    config,
    policy: parsePolicy(readFileSync(join(folder, 'policy.yaml'), 'utf8')),
    secretFiles,
  }
}

/** The value below a path of keys; undefined where there is none. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined,
    value,
  )
}

/** A list below a path, empty where there is none. */
export function list(value: unknown, ...path: (string | number)[]): unknown[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

/** A map below a path, empty where there is none. */
export function entries(value: unknown, ...path: (string | number)[]): [string, unknown][] {
  const found = at(value, ...path)
  return typeof found === 'object' && found !== null ? Object.entries(found) : []
}

/** A text below a path; anything else is the empty text. */
export function text(value: unknown, ...path: (string | number)[]): string {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : ''
}

/** One file of YAML, with its merge keys. */
export function readYaml(path: string): Node {
  return parse(readFileSync(path, 'utf8'), { merge: true })
}

/** Lines `NAME=value` of a file, without comments. */
export function readVariables(path: string): ReadonlyMap<string, string> {
  const lines = readFileSync(path, 'utf8').matchAll(/^([\w-]+)=(.*)$/gm)
  return new Map([...lines].map(([, name = '', value = '']) => [name, value]))
}

/** The objects a kustomization lists, and those its generators make, without the hash that they append to names. */
export function expand(folder: string): Node[] {
  const kustomization = readYaml(join(folder, 'kustomization.yaml'))
  const namespace = at(kustomization, 'namespace')
  const objects = list(kustomization, 'resources').flatMap((name): Node[] => {
    const path = join(folder, String(name))
    if (!path.endsWith('.yaml')) return expand(path)
    return parseAllDocuments(readFileSync(path, 'utf8')).map((document): Node => document.toJS())
  })
  const made = [
    ...list(kustomization, 'configMapGenerator').map((each) => generate(folder, 'ConfigMap', each)),
    ...list(kustomization, 'secretGenerator').map((each) => generate(folder, 'Secret', each)),
  ]
  const all = [...objects, ...made]
  if (namespace === undefined) return all
  return all.map((each) => ({
    ...each,
    metadata: { ...Object.fromEntries(entries(each, 'metadata')), namespace },
  }))
}

function generate(folder: string, kind: string, from: unknown): Node {
  const names = list(from, 'files').map((file) => {
    const [key = '', path = key] = String(file).split('=')
    return key === path ? (path.split('/').at(-1) ?? '') : key
  })
  const variables = list(from, 'envs').flatMap((file) => [
    ...readVariables(join(folder, String(file))),
  ])
  return {
    apiVersion: 'v1',
    kind,
    metadata: { name: at(from, 'name'), namespace: at(from, 'namespace') },
    ...(at(from, 'type') !== undefined && { type: at(from, 'type') }),
    data: Object.fromEntries([...names.map((name) => [name, '']), ...variables]),
  }
}
