// What `doctor` goes by: the settings of the step if it has any, and otherwise those that say who and
// where; a wrong one is a finding and not the end.
import { parseRecord } from '../azure/assertion.ts'
import type { Cloud } from '../azure/clouds.ts'
import { Fault } from '../core/fault.ts'
import { type Choice, chooseCredential } from '../plugin/credential.ts'
import { findSetting, type SettingName } from '../plugin/settings-table.ts'
import { type Environment, interpretSettings, type Settings } from '../plugin/settings.ts'
import { type FaultFact, type ListedCredential, toFact } from './facts.ts'
import type { StoragePlace } from './probe-storage.ts'

/** Who and where; without a place only the way to the identity is looked at. */
export type DoctorSettings = {
  cloud: Cloud
  authorityHost: string
  caFile?: string
  identity?: string
  override?: { tenantId: string; clientId: string }
  place?: StoragePlace
}

/** Settings by name as they were given, in variables or flags. */
export type Given = ReadonlyMap<string, unknown>

/** Where an identity may come from beside the settings, and whether a person asks. */
export type Surroundings = { env: Environment; isPerson: boolean }

// The request token is looked at by itself.
const tokenElsewhere: Surroundings = { env: { PLUGIN_TOKEN: 'elsewhere' }, isPerson: false }

const aboutPlace: readonly string[] = ['account', 'service', 'container', 'share', 'endpoint']

const aboutIdentity: readonly string[] = [
  'cloud',
  'authority_host',
  'ca_file',
  'identity',
  'tenant_id',
  'client_id',
  'oidc_token_id',
]

/** Reads them; the fault is of a step that has these settings, or that none say where to look. */
export function readDoctorSettings(
  given: Given,
  show: (name: string) => string,
  around: Surroundings = tokenElsewhere,
): { settings?: DoctorSettings; fault?: FaultFact } {
  const names = [...given.keys()].map((name) => findSetting(name) ?? name)
  const isStep = names.includes('action') || names.includes('transfers')
  if (!isStep && !names.some((name) => aboutPlace.includes(name))) {
    return identityOnly(given, show, around)
  }
  const whole = isStep ? interpret(given, show, around) : undefined
  if (whole?.settings) return { settings: narrow(whole.settings, given) }
  const some = [...given].filter(([name]) => {
    const setting = findSetting(name)
    return setting === undefined
      ? !isStep
      : aboutPlace.includes(setting) || aboutIdentity.includes(setting)
  })
  const rest = interpret(new Map([...some, ['action', 'list']]), show, around)
  const fault = whole?.fault ?? rest.fault
  return {
    ...(rest.settings && { settings: narrow(rest.settings, given) }),
    ...(fault && { fault }),
  }
}

// Nobody said where it is to go: the way to the identity can be looked at all the same.
function identityOnly(
  given: Given,
  show: (name: string) => string,
  around: Surroundings,
): ReturnType<typeof readDoctorSettings> {
  const some = [...given].filter(([name]) => {
    const setting = findSetting(name)
    return setting === undefined || aboutIdentity.includes(setting)
  })
  const anywhere = [
    ['action', 'list'],
    ['account', 'anywhere'],
    ['container', 'anywhere'],
  ] as const
  const { settings, fault } = interpret(new Map([...some, ...anywhere]), show, around)
  if (!settings) return fault ? { fault } : {}
  return { settings: narrow({ ...settings, transfers: [] }, given) }
}

function interpret(
  given: Given,
  show: (name: string) => string,
  around: Surroundings,
): { settings?: Settings; fault?: FaultFact } {
  try {
    const absent = () => new Fault('plugin_token_empty', '')
    const pairs = [...given].filter(([name]) => name !== 'token')
    return {
      settings: interpretSettings({
        show,
        given: pairs,
        ...around,
        tokenEmpty: absent,
        showsLinks: true,
      }),
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    if (error.code === 'plugin_token_empty') return interpret(given, show, tokenElsewhere)
    return { fault: toFact(error) }
  }
}

/** Which source the identity comes from, and which others there are. */
export function readChoice(
  given: Given,
  show: (name: string) => string,
  around: Surroundings,
): Choice {
  const read = (name: SettingName) =>
    toText([...given].find(([each]) => findSetting(each) === name)?.[1]).trim() || undefined
  const [identity, tenantId, clientId] = [read('identity'), read('tenant_id'), read('client_id')]
  return chooseCredential({
    ...around,
    show,
    ...(identity !== undefined && { identity }),
    ...(tenantId !== undefined && { tenantId }),
    ...(clientId !== undefined && { clientId }),
  })
}

function narrow(settings: Settings, given: Given): DoctorSettings {
  const { cloud, authorityHost, caFile, identity, override, transfers } = settings
  const [first] = transfers
  return {
    cloud,
    authorityHost,
    ...(caFile !== undefined && { caFile }),
    ...(identity !== undefined && { identity }),
    ...(override && { override }),
    ...(first && {
      place: {
        service: first.place.service,
        address: {
          ...first.place.address,
          ...(first.place.service === 'files' && { place: 'share' as const }),
        },
        prefix: toPrefix(given, first.action),
      },
    }),
  }
}

// Where an upload goes, or the part of a source in front of its first glob.
function toPrefix(given: Given, action: string): string {
  const read = (name: SettingName) =>
    toText([[...given].find(([each]) => findSetting(each) === name)?.[1]].flat()[0])
  const isUp = (action === 'upload' || action === 'sync') && read('direction') !== 'down'
  const source = read('source').replace(/^\s*\[\s*"?/, '')
  const text = isUp || !source ? read('target') : (/^[^*?[{,!]*/.exec(source)?.[0] ?? '')
  const folder = isUp || !source ? text : text.slice(0, text.lastIndexOf('/') + 1)
  const clean = folder.replace(/^(\.?\/)+/, '').replace(/\/+$/, '')
  return clean === '' || clean === '.' ? '' : `${clean}/`
}

/** Reads what `az ad app federated-credential list` or Graph prints; undefined when it is something else. */
export function readCredentials(json: string): ListedCredential[] | undefined {
  const { list } = parseRecord(`{"list":${json}}`)
  const rows: unknown = Array.isArray(list) ? list : isRecord(list) ? list['value'] : undefined
  if (!Array.isArray(rows)) return undefined
  return rows.filter(isRecord).map((row) => {
    const properties = isRecord(row['properties']) ? row['properties'] : row
    const { issuer, subject, audiences } = properties
    const [audience]: unknown[] = Array.isArray(audiences) ? audiences : []
    return {
      name: toText(row['name']),
      issuer: toText(issuer),
      subject: toText(subject),
      audience: toText(audience),
    }
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
