// YAML of the pages and examples, read by the parsers of the product: policy files, cases, service
// configurations (also parts of one, over a whole that is right), and the settings of our steps.
import { parseAllDocuments } from 'yaml'

import { readServiceConfig } from '../../src/config/service-config.ts'
import { messageOf } from '../../src/core/fault.ts'
import { parseCases } from '../../src/policy/cases.ts'
import { parsePolicy } from '../../src/policy/schema.ts'
import { findOwnParts, fragmentOf, isMap, type Yaml } from './pipelines.ts'

/** Counts by kind, and what is wrong. */
export type SnippetReport = { kinds: Record<string, number>; problems: string[] }

const wholeConfiguration: Yaml = {
  issuer_url: 'https://oidc.example',
  service_url: 'https://trust.example',
  policy_file: '/etc/policy.yaml',
  state_dir: '/var/lib/state',
  listen: {
    ci: { address: '127.0.0.1:8480' },
    steps: { address: '127.0.0.1:8443' },
    public: { address: '127.0.0.1:8481' },
  },
  instances: {
    main: {
      scm: 'gitea',
      webhook_secret: { file: '/run/secrets/webhook' },
      runners: { 'docker-1': { token: { file: '/run/secrets/runner' }, repositories: ['octo/*'] } },
    },
  },
}

/** Checks every document of a YAML text, counted by what it is. */
export function checkSnippet(at: string, text: string, report: SnippetReport): void {
  for (const document of parseAllDocuments(text)) {
    const mistake = document.errors[0]
    if (mistake) {
      report.problems.push(`${at}: ${mistake.message}`)
      continue
    }
    const value = document.toJS() as unknown
    // Harness writes its steps as a list.
    checkValue(at, isMap(value) ? value : { steps: value }, text, report)
  }
}

function checkValue(at: string, value: Yaml, text: string, report: SnippetReport): void {
  const checks = checksOf(value, text)
  if (checks.length === 0) count(report, 'other')
  for (const { kind, check } of checks) {
    count(report, kind)
    try {
      check()
    } catch (error) {
      report.problems.push(`${at}: ${kind}: ${messageOf(error)}`)
    }
  }
}

function checksOf(value: Yaml, text: string): { kind: string; check: () => void }[] {
  if ('policies' in value && 'version' in value) {
    return [{ kind: 'policy', check: () => void parsePolicy(text) }]
  }
  if ('cases' in value) return [{ kind: 'cases', check: () => void parseCases(text) }]
  if (Object.keys(value).some((key) => configurationKeys.has(key))) {
    return [{ kind: 'configuration', check: () => checkConfiguration(value) }]
  }
  if (value['kind'] === 'secret') return [{ kind: 'secret', check: () => checkSecret(value) }]
  const isFragment = isMap(value['settings']) && !('image' in value)
  return isFragment ? [fragmentOf(value['settings'] as Yaml)] : findOwnParts(value)
}

const configurationKeys = new Set(
  'issuer_url service_url instances rate_limits admins token_key keys sign_in admin_url ledger'.split(
    ' ',
  ),
)

function checkConfiguration(value: Yaml): void {
  const isWhole = 'issuer_url' in value
  const merged: Yaml = isWhole ? value : { ...wholeConfiguration, ...value }
  if (!isWhole && isMap(value['listen'])) {
    merged['listen'] = { ...(wholeConfiguration['listen'] as Yaml), ...value['listen'] }
  }
  // Parts of a configuration that stand for themselves elsewhere.
  const keys = merged['keys']
  if (isMap(keys) && keys['store'] === 'database' && !('database' in merged)) return
  const text = JSON.stringify(merged).replaceAll('GUID', '11111111-2222-4333-8444-555555555555')
  readServiceConfig(
    {
      readFile: (path) => (path === 'service.yaml' ? text : sampleSecret(path)),
      env: new Proxy({}, { get: (_, name) => sampleSecret(String(name)) }),
    },
    'service.yaml',
  )
}

// Of its own for each name, as every door needs another one.
function sampleSecret(name: string): string {
  if (name.includes('database')) return 'postgresql://user:password@db.example/asd'
  return name.includes('POD') ? 'pod-1' : `${name}-${'s'.repeat(64)}`
}

function checkSecret(value: Yaml): void {
  const get = value['get']
  if (!isMap(get)) return
  if (typeof value['name'] !== 'string' || typeof get['name'] !== 'string') {
    throw new TypeError('a secret has a name, and `get` a path and a name')
  }
  if (get['path'] === 'azure' && !/^[a-z0-9][a-z0-9-]{0,62}$/.test(get['name'])) {
    throw new TypeError(`${get['name']} is no name of a policy entry`)
  }
}

function count({ kinds }: SnippetReport, kind: string): void {
  kinds[kind] = (kinds[kind] ?? 0) + 1
}
