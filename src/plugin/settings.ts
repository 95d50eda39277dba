// The step's settings, from its environment or a command line, with every problem at once.
import { type Cloud, type CloudName, clouds } from '../azure/clouds.ts'
import { Fault } from '../core/fault.ts'
import { chooseCredential, type Credential } from './credential.ts'
import { type SettingName, settingsTable } from './settings-table.ts'
import { collectSettings, type ShowName } from './settings/collect.ts'
import { placeSettings, readHttpsUrl } from './settings/place.ts'
import { createReader, isAbsent, type RawSettings, type Reader } from './settings/reader.ts'
import { isMeant, isOfTransfer, readTransfer, type Transfer } from './settings/transfer.ts'

/** The environment of the step. */
export type Environment = Readonly<Record<string, string | undefined>>

/** All settings of one step, checked. */
export type Settings = {
  credential: Credential
  identity?: string
  override?: { tenantId: string; clientId: string }
  cloud: Cloud
  authorityHost: string
  caFile?: string
  /** Connections at most. */
  concurrency: number
  memoryBytes: number
  /** Further tries of a storage call. */
  retries: number
  progress: 'auto' | 'none'
  outputFile?: string
  /** Of Harness. */
  artifactFile?: string
  /** Template of the step's card. */
  cardSchema?: string
  /** At least one, in the order they are run. */
  transfers: readonly Transfer[]
}

/** Where settings come from: how their names are written there, and who asks. */
export type SettingsSource = {
  show: ShowName
  /** Values of settings that are given, under any name. */
  given: Iterable<readonly [name: string, raw: unknown]>
  /** For where the identity comes from. */
  env: Environment
  /** Somebody sits at a terminal, and this is no step of a build. */
  isPerson: boolean
  /** The fault when no identity is configured, or the request token is empty. */
  tokenEmpty: () => Fault
  /** What to do about wrong settings. */
  hint?: string
  /** Links may be shown: somebody sits before a terminal. */
  showsLinks: boolean
}

/** Reads the settings of a step from PLUGIN_* variables; one Fault lists every problem. */
export function readSettings(env: Environment): Settings {
  const given = Object.keys(env)
    .filter((variable) => variable.startsWith('PLUGIN_'))
    .toSorted()
    .map((variable) => [variable.slice('PLUGIN_'.length).toLowerCase(), env[variable]] as const)
  const names = new Set(given.filter(([, raw]) => raw).map(([name]) => name))
  return interpretSettings({
    show: (name) => `\`${name}\``,
    given: [...given, ...readForeignVariables(env, names)],
    env,
    isPerson: false,
    tokenEmpty,
    showsLinks: false,
  })
}

/** Checks settings from anywhere; one Fault `plugin_setting_invalid` lists every problem. */
export function interpretSettings(source: SettingsSource): Settings {
  const problems = new Set<string>()
  const raw = collectSettings(source.given, { show: source.show, problems })
  const reader = createReader(raw, { label: source.show, problems })
  const cloud = clouds[reader.choice<CloudName>('cloud', 'public')]
  const identity = reader.text('identity')
  const card = reader.text('card')
  const { credential, override } = readCredential(source, reader, problems, identity)
  const authority = reader.text('authority_host') ?? authorityOf(credential)
  const settings = {
    cloud,
    authorityHost: authority === undefined ? cloud.authorityHost : readOrigin(reader, authority),
    concurrency: reader.count('concurrency') ?? 1,
    memoryBytes: reader.size('memory'),
    retries: reader.count('retries') ?? 0,
    progress: reader.choice<Settings['progress']>('progress', 'auto'),
    transfers: readTransfers(raw, reader, { cloud, problems, show: source.show }),
    ...(identity !== undefined && { identity }),
    ...readFiles(reader),
    ...(card !== undefined && { cardSchema: readHttpsUrl(reader, 'card', card).href }),
    ...(override && { override }),
  }
  const hasLinks = settings.transfers.some(({ action }) => action === 'link')
  if (hasLinks && settings.outputFile === undefined && !source.showsLinks) {
    reader.refuse('output_file', 'is missing: a link is written to a file only, never to a log')
  }
  if (problems.size > 0) throw invalid([...problems], source.hint)
  if (!credential) throw source.tokenEmpty()
  return { ...settings, credential }
}

function readFiles(reader: Reader): Pick<Settings, 'caFile' | 'outputFile' | 'artifactFile'> {
  const caFile = reader.text('ca_file')
  const outputFile = reader.text('output_file')
  const artifactFile = reader.text('artifact_file')
  return {
    ...(caFile !== undefined && { caFile }),
    ...(outputFile !== undefined && { outputFile }),
    ...(artifactFile !== undefined && { artifactFile }),
  }
}

/** The fault for settings that are wrong, one or many. */
export function invalid(problems: readonly string[], hint?: string): Fault {
  const [only] = problems
  const sentence =
    problems.length === 1 && only !== undefined
      ? `A setting is wrong: ${only}.`
      : `${problems.length} settings are wrong: ${problems.map((text, i) => `(${i + 1}) ${text}`).join('; ')}.`
  return new Fault('plugin_setting_invalid', sentence, hint === undefined ? {} : { hint })
}

type Context = { cloud: Cloud; problems: Set<string>; show: ShowName }

function readTransfers(
  raw: RawSettings,
  reader: Reader,
  { cloud, problems, show }: Context,
): Transfer[] {
  const maps = raw.has('transfers') ? reader.maps('transfers') : []
  if (maps.length === 0) return [readTransfer(reader, { title: '', cloud, own: raw.keys() })]
  const transfers = maps.map((map, index) => {
    const title = `transfer ${index + 1}`
    const inTransfer: ShowName = (name) => `${show(name)} of ${title}`
    const own = collectSettings(Object.entries(map), { show: inTransfer, problems })
    for (const name of own.keys()) {
      if (!isOfTransfer(name)) problems.add(`${inTransfer(name)} belongs to the step as a whole`)
    }
    const label = (name: SettingName) => (own.has(name) ? inTransfer(name) : show(name))
    const inherited = inherit(raw, own)
    if (isEndpointAstray(raw, own)) {
      problems.add(
        `${inTransfer('account')} has no ${show('endpoint')} of its own, and that of the step is another account’s`,
      )
    }
    const merged = createReader(new Map([...inherited, ...own]), { label, problems })
    return readTransfer(merged, { title, cloud, own: own.keys() })
  })
  checkInherited(raw, transfers, problems, show)
  return transfers
}

// A container of the step must not stand beside a share of the transfer.
function inherit(raw: RawSettings, own: RawSettings): [SettingName, unknown][] {
  const together: readonly SettingName[] = placeSettings
  const hasPlace = together.some((name) => own.has(name))
  return [...raw].filter(([name]) => isOfTransfer(name) && !(hasPlace && together.includes(name)))
}

function isEndpointAstray(raw: RawSettings, own: RawSettings): boolean {
  return (
    raw.has('endpoint') &&
    !own.has('endpoint') &&
    own.has('account') &&
    own.get('account') !== raw.get('account')
  )
}

// What is written for all transfers must mean something for one of them.
function checkInherited(
  raw: RawSettings,
  transfers: readonly Transfer[],
  problems: Set<string>,
  show: ShowName,
): void {
  for (const name of raw.keys()) {
    const means = transfers.some(({ action, place: { service }, job }) => {
      const way = job.action === 'upload' ? 'up' : job.action === 'download' ? 'down' : job.action
      return isMeant(settingsTable[name], { action, way, service })
    })
    if (!means) problems.add(`${show(name)} means nothing for any of the transfers`)
  }
}

function* readForeignVariables(
  env: Environment,
  names: ReadonlySet<string>,
): Generator<[string, string]> {
  for (const [name, { variables = [], aliases = [] }] of Object.entries(settingsTable)) {
    if ([name, ...aliases].some((each) => names.has(each))) continue
    if (name === 'container' && (names.has('share') || names.has('share_name'))) continue
    const value = variables.map((variable) => env[variable]).find((each) => !isAbsent(each))
    if (value !== undefined) yield [name, value]
  }
}

function readOrigin(reader: Reader, text: string): string {
  return readHttpsUrl(reader, 'authority_host', text.includes('://') ? text : `https://${text}`)
    .origin
}

function readCredential(
  { env, isPerson, show }: SettingsSource,
  reader: Reader,
  problems: Set<string>,
  identity: string | undefined,
): { credential?: Credential | undefined; override?: Settings['override'] } {
  const [tenantId, clientId] = (['tenant_id', 'client_id'] as const).map((name) =>
    readId(reader, name),
  )
  const { credential, problem } = chooseCredential({
    env,
    isPerson,
    show,
    ...(identity !== undefined && { identity }),
    ...(tenantId !== undefined && { tenantId }),
    ...(clientId !== undefined && { clientId }),
  })
  if (problem !== undefined) problems.add(problem)
  if (tenantId !== undefined && clientId !== undefined) {
    return { credential, override: { tenantId, clientId } }
  }
  if (credential?.source !== 'request token') return { credential }
  const missing = tenantId === undefined ? 'tenant_id' : 'client_id'
  const given = tenantId === undefined ? 'client_id' : 'tenant_id'
  if (reader.has(given)) {
    reader.refuse(given, `and ${reader.label(missing)} must be given together, or neither`)
  }
  return { credential }
}

function readId(reader: Reader, name: 'tenant_id' | 'client_id'): string | undefined {
  const id = reader.text(name)
  if (id !== undefined && !/^[\w.-]{1,253}$/.test(id)) {
    reader.refuse(name, `is “${id}” and must be an id`)
  }
  return id
}

function authorityOf(credential: Credential | undefined): string | undefined {
  return credential?.source === 'token file' ? credential.authorityHost : undefined
}

/** The fault of a step that was given no token, with all that can have happened. */
export function tokenEmpty(): Fault {
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
