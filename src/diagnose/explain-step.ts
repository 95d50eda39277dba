// Why a step was refused, in the words of `doctor`: the same walk along the chain, with the settings and the
// token of the step, and what the step itself was refused with where the walk does not write.
import type { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { readProxy } from '../http/read-proxy.ts'
import { type Environment, tokenEmpty } from '../plugin/settings.ts'
import { type DoctorDeps, examine } from './doctor.ts'
import { type Facts, toFact } from './facts.ts'
import type { StoragePlace } from './probe-storage.ts'
import { type DoctorSettings, type Given, readChoice, readDoctorSettings } from './settings.ts'
import type { Verdict } from './to-verdict.ts'
import { judge } from './verdict.ts'

/** What a step was refused with; `extraCa` is the content of its `ca_file`. */
export type FailedStep = {
  env: Environment
  fault: Fault
  extraCa?: readonly string[]
  /** The transfer puts files there. */
  isUpload: boolean
  /** Its place is that of the settings, and not one of several. */
  isOnly: boolean
}

/** The verdict, and the command that comes to it again. */
export type Explained = { verdict: Verdict; command: string }

/** Looks at the chain as it is now; throws only what is a defect. */
export async function explainStep(deps: DoctorDeps, failed: FailedStep): Promise<Explained> {
  const { env, fault, extraCa, isUpload, isOnly } = failed
  const given = readGiven(env)
  const show = (name: string) => `\`${name}\``
  const around = { env, isPerson: false }
  const { settings, fault: settingsFault } = readDoctorSettings(given, show, around)
  const token = env['PLUGIN_TOKEN'] || env['AZURE_STORAGE_DRONE_TOKEN'] || ''
  const facts = await examine(deps, {
    choice: readChoice(given, show, around),
    token: new Secret(token.trim()),
    tokenEmpty: toFact(tokenEmpty()),
    proxy: readProxy(env),
    waitSeconds: 0,
    tries: 3,
    doesWrite: false,
    ...(settings && { settings: isOnly ? settings : withoutPlace(settings) }),
    ...(settingsFault && { settingsFault }),
    ...(extraCa && { extraCa }),
  })
  const place = isOnly ? settings?.place : undefined
  // What the step was refused to write, no probe has to write again.
  const isWrite = isUpload && fault.code.startsWith('azure_storage_')
  const known: Facts = isWrite ? { ...facts, create: { atMs: 0, fault: toFact(fault) } } : facts
  return {
    verdict: judge(known),
    command: `${writeCommand(given, place)}${isWrite && place ? ' --write' : ''}`,
  }
}

function withoutPlace({ place: _place, ...who }: DoctorSettings): DoctorSettings {
  return who
}

function readGiven(env: Environment): Given {
  const pairs = Object.entries(env).filter(([name, value]) => name.startsWith('PLUGIN_') && value)
  return new Map(pairs.map(([name, value]) => [name.slice('PLUGIN_'.length).toLowerCase(), value]))
}

const ofCommand = [
  'endpoint',
  'cloud',
  'authority_host',
  'ca_file',
  'identity',
  'tenant_id',
  'client_id',
]

function writeCommand(given: Given, place: StoragePlace | undefined): string {
  const flags = ofCommand.flatMap((name) => {
    const value = given.get(name)
    return typeof value === 'string' ? [`--${name.replaceAll('_', '-')} ${quote(value)}`] : []
  })
  return ['azure-storage-drone doctor', ...(place ? [quote(toUrl(place))] : []), ...flags].join(' ')
}

function toUrl({ address: { origin, pathPrefix, container }, prefix }: StoragePlace): string {
  return `${origin.origin}${pathPrefix}/${container}/${prefix}`
}

function quote(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
