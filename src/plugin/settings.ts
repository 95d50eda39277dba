// The step's settings from its environment, with every problem at once: Drone turns `settings:` into
// PLUGIN_* variables (lists with commas, maps and nested lists as JSON; facts/drone.md §2.2).
import { type Cloud, type CloudName, clouds } from '../azure/clouds.ts'
import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import type { ContainerAddress } from '../transfer/blob/names.ts'
import { type SettingName, settingsTable, staticKeySettings, variableOf } from './settings-table.ts'
import { suggest } from './suggest.ts'

/** The environment of the step. */
export type Environment = Readonly<Record<string, string | undefined>>

/** All settings of one step, checked. */
export type Settings = {
  token: Secret
  action: 'upload' | 'download'
  address: ContainerAddress
  sources: string[]
  /** Upload: the prefix without slashes at its ends, maybe empty. Download: a folder. */
  target: string
  overwrite: 'always' | 'error'
  dotfiles: boolean
  identity?: string
  override?: { tenantId: string; clientId: string }
  cloud: Cloud
  authorityHost: string
  caFile?: string
  concurrency: number
}

/** Reads all settings; one Fault `plugin_setting_invalid` lists every problem. */
export function readSettings(env: Environment): Settings {
  const problems: string[] = []
  const reader = createReader(env, problems)
  checkNames(env, problems)
  const action = reader.choice<Settings['action']>('action', 'upload')
  const cloud = clouds[reader.choice<CloudName>('cloud', 'public')]
  const identity = reader.text('identity')
  const caFile = reader.text('ca_file')
  const override = readOverride(reader, problems)
  const settings = {
    action,
    cloud,
    address: readAddress(reader, cloud, problems),
    sources: readSources(reader.required('source'), problems),
    target: readTarget(reader.text('target') ?? '', action, problems),
    overwrite: reader.choice<Settings['overwrite']>('overwrite', 'always'),
    dotfiles: reader.choice<'true' | 'false'>('dotfiles', 'false') === 'true',
    authorityHost: readOrigin(reader.text('authority_host') ?? cloud.authorityHost, problems),
    concurrency: readConcurrency(reader.text('concurrency') ?? '32', problems),
    ...(identity !== undefined && { identity }),
    ...(caFile !== undefined && { caFile }),
    ...(override && { override }),
  }
  if (problems.length > 0) throw invalid(problems)
  return { ...settings, token: readToken(env) }
}

/** The fault for settings that are wrong, one or many. */
export function invalid(problems: readonly string[]): Fault {
  const [only] = problems
  const sentence =
    problems.length === 1 && only !== undefined
      ? `A setting is wrong: ${only}.`
      : `${problems.length} settings are wrong: ${problems.map((text, i) => `(${i + 1}) ${text}`).join('; ')}.`
  return new Fault('plugin_setting_invalid', sentence)
}

/** A list setting: JSON, or texts between commas (a comma inside braces belongs to its glob). */
export function splitList(text: string): string[] {
  const list = text.trimStart().startsWith('[') ? parseJsonList(text) : undefined
  if (list) return list
  const commas = /,(?![^{}]*\})/
  return text
    .split(commas)
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

function parseJsonList(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every((each) => typeof each === 'string')
      ? value
      : undefined
  } catch {
    // A glob may begin with a bracket, too.
    return undefined
  }
}

type Reader = {
  text: (name: SettingName) => string | undefined
  required: (name: SettingName) => string
  choice: <Value extends string>(name: SettingName, fallback: Value) => Value
}

function createReader(env: Environment, problems: string[]): Reader {
  const text = (name: SettingName) => env[variableOf(name)] || undefined
  const required = (name: SettingName) => {
    const value = text(name)
    if (value === undefined) problems.push(`\`${name}\` is missing (${settingsTable[name].help})`)
    return value ?? ''
  }
  return {
    text,
    required,
    choice: <Value extends string>(name: SettingName, fallback: Value) => {
      const { required: isRequired, values = [] } = settingsTable[name]
      const value = isRequired ? required(name) : text(name)
      if (value === undefined || value === '') return fallback
      if (values.includes(value)) return value as Value
      problems.push(`\`${name}\` is “${value}” and must be one of ${values.join(', ')}`)
      return fallback
    },
  }
}

function checkNames(env: Environment, problems: string[]): void {
  const known = Object.keys(settingsTable)
  for (const variable of Object.keys(env).toSorted()) {
    if (!variable.startsWith('PLUGIN_')) continue
    const name = variable.slice('PLUGIN_'.length).toLowerCase()
    if (known.includes(name)) continue
    if (staticKeySettings.includes(name)) {
      problems.push(
        `\`${name}\` is a static key, and this plugin takes none: remove it and let the trust service vouch for the build (\`token\`)`,
      )
      continue
    }
    const meant = suggest(name.replaceAll('-', '_'), known)
    problems.push(`\`${name}\` is unknown${meant ? ` (did you mean \`${meant}\`?)` : ''}`)
  }
}

function readAddress(reader: Reader, cloud: Cloud, problems: string[]): ContainerAddress {
  const account = reader.required('account')
  const container = reader.required('container')
  if (account && !/^[a-z\d]{3,24}$/.test(account)) {
    problems.push(`\`account\` is “${account}” and must be 3 to 24 lower-case letters and digits`)
  }
  const isName = /^(?=.{3,63}$)[a-z\d]+(-[a-z\d]+)*$|^\$(web|root)$/.test(container)
  if (container && !isName) {
    problems.push(
      `\`container\` is “${container}” and must be 3 to 63 lower-case letters, digits and single hyphens`,
    )
  }
  const endpoint = reader.text('endpoint')
  if (endpoint === undefined) {
    const host = `https://${account}.${cloud.blobSuffix}`
    const origin = new URL(URL.canParse(host) ? host : `https://${cloud.blobSuffix}`)
    return { origin, pathPrefix: '', container }
  }
  const origin = readHttpsUrl('endpoint', endpoint, problems)
  return { origin, pathPrefix: origin.pathname.replace(/\/+$/, ''), container }
}

function readOrigin(text: string, problems: string[]): string {
  const url = readHttpsUrl(
    'authority_host',
    text.includes('://') ? text : `https://${text}`,
    problems,
  )
  return url.origin
}

// Tokens go there: never over plain http.
function readHttpsUrl(name: SettingName, text: string, problems: string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' && !url.search && !url.hash && !url.username) return url
  problems.push(`\`${name}\` is “${text}” and must be an https URL without query`)
  return new URL('https://invalid.invalid')
}

function readSources(text: string, problems: string[]): string[] {
  const sources = splitList(text)
  for (const source of sources) {
    if (source.startsWith('!')) {
      problems.push(
        `\`source\` contains “${source}”: exclusions are not supported (write \`./${source}\` for a file of that name)`,
      )
    }
    if (source.includes('\0')) problems.push('`source` contains a NUL byte')
  }
  return sources
}

function readTarget(text: string, action: Settings['action'], problems: string[]): string {
  if (action === 'download') return text === '' ? '.' : text
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.includes('..')) problems.push(`\`target\` is “${text}” and must not contain \`..\``)
  return segments.join('/')
}

function readOverride(reader: Reader, problems: string[]): Settings['override'] {
  const tenantId = reader.text('tenant_id')
  const clientId = reader.text('client_id')
  if (tenantId === undefined && clientId === undefined) return undefined
  if (tenantId === undefined || clientId === undefined) {
    problems.push('`tenant_id` and `client_id` must be given together, or neither')
    return undefined
  }
  for (const [name, value] of [
    ['tenant_id', tenantId],
    ['client_id', clientId],
  ] as const) {
    if (!/^[\w.-]{1,253}$/.test(value)) problems.push(`\`${name}\` is “${value}” and must be an id`)
  }
  return { tenantId, clientId }
}

function readConcurrency(text: string, problems: string[]): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (value >= 1 && value <= 256) return value
  problems.push(`\`concurrency\` is “${text}” and must be a number from 1 to 256`)
  return 1
}

function readToken(env: Environment): Secret {
  const token = env[variableOf('token')] || env['AZURE_STORAGE_DRONE_TOKEN'] || ''
  if (token.trim() === '') throw tokenEmpty()
  return new Secret(token.trim())
}

function tokenEmpty(): Fault {
  return new Fault(
    'plugin_token_empty',
    'The setting `token` is empty: the CI server gave this step no request token. Drone does so without a word when ' +
      '(1) the runner could not reach the trust service or got an error from it; ' +
      '(2) the `kind: secret` entry, its `get:` or the name in `from_secret` is missing or misspelt in .drone.yml; ' +
      '(3) DRONE_SECRET_PLUGIN_ENDPOINT and DRONE_SECRET_PLUGIN_TOKEN are not set on the runner that ran this step; or ' +
      '(4) that token is not the one the trust service knows for this runner, so that the signature did not fit.',
    {
      hint: 'Look for this build in the log of the trust service: if it is not there, it is (1), (2) or (3); if it is there with ci_signature_invalid, it is (4).',
    },
  )
}
