// `azure-storage-drone doctor`: finds out why a build gets nowhere with its identity, from a step of it or
// from anywhere that has its request token; reads environment, arguments and files, and prints.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { Fault, messageOf } from '../src/core/fault.ts'
import { Secret } from '../src/core/secret.ts'
import { version } from '../src/core/version.ts'
import { type DoctorDeps, examine, type Question } from '../src/diagnose/doctor.ts'
import { toFact } from '../src/diagnose/facts.ts'
import { toReportJson, writeReport } from '../src/diagnose/report.ts'
import {
  type Given,
  readChoice,
  readCredentials,
  readDoctorSettings,
} from '../src/diagnose/settings.ts'
import { judge } from '../src/diagnose/verdict.ts'
import { openHttp } from '../src/http/open.ts'
import { readProxy } from '../src/http/read-proxy.ts'
import { createLog } from '../src/plugin/report.ts'
import { findSetting, settingNames, settingsTable } from '../src/plugin/settings-table.ts'
import { type Environment, tokenEmpty } from '../src/plugin/settings.ts'
import { isUrl, readUrl } from '../src/plugin/settings/url.ts'
import { toUserAgent } from '../src/plugin/user-agent.ts'
import { findAddresses } from './find-addresses.ts'
import { isPersonAt } from './run-deps.ts'

/** How `doctor` is used. */
export const doctorUsage = `azure-storage-drone doctor [URL] [flags]

Walks the whole way of a build, from its request token to a name in storage, and ends with one
verdict and one thing to do. The token is AZURE_STORAGE_DRONE_TOKEN or PLUGIN_TOKEN; without one
the other sources of an identity count, and the report names them all in order. Settings
are PLUGIN_* variables, flags of the same names (--account, --container, --target, --ca-file, …),
or a URL such as https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH.

  --write             also create and remove one probe below the target
  --wait SECONDS      try again what is refused for so long: tells propagation from refusal
  --tries N           tries of each link, 3 unless said: an answer that changes is no refusal
  --credentials FILE  what \`az ad app federated-credential list\` printed: names the nearest one
  --issuer URL        look at this issuer also when no ID token is given out
  --json              one JSON document

The exit code is that of the verdict: 0 nothing is wrong, 2 settings, 3 denied, 4 absent, 5 may pass.
`

const own = {
  write: { type: 'boolean' },
  wait: { type: 'string' },
  tries: { type: 'string' },
  credentials: { type: 'string' },
  issuer: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Runs the command; gives the exit code, throws `cli_usage` for words it does not know. */
export async function doctorCommand(
  args: readonly string[],
  env: Environment,
  write: (text: string) => void,
): Promise<number> {
  const { values, given } = readWords(args, env)
  if (values.help) {
    write(doctorUsage)
    return 0
  }
  const facts = await examine(openDoor(env), toQuestion(values, given, env))
  const verdict = judge(facts)
  if (values.json) write(`${toReportJson(facts, verdict)}\n`)
  else for (const line of writeReport(facts, verdict)) createLog(write)(line)
  return verdict.exitCode
}

type Values = {
  write?: boolean
  wait?: string
  tries?: string
  credentials?: string
  issuer?: string
}

function toQuestion(
  { wait: waits, tries, credentials: file, ...values }: Values,
  given: Given,
  env: Environment,
): Question {
  const show = (name: string) => `\`${name}\``
  const around = { env, isPerson: isPersonAt(process.stdout, env) }
  const { settings, fault } = readDoctorSettings(given, show, around)
  const token = env['PLUGIN_TOKEN'] || env['AZURE_STORAGE_DRONE_TOKEN'] || ''
  const credentials = file === undefined ? undefined : readCredentials(readText(file))
  if (file !== undefined && !credentials) {
    throw usage(`${file} is no list of federated credentials in JSON`)
  }
  return {
    choice: readChoice(given, show, around),
    token: new Secret(token.trim()),
    tokenEmpty: toFact(tokenEmpty()),
    proxy: readProxy(env),
    waitSeconds: toCount(waits, 'wait', [0, 3600]) ?? 0,
    tries: toCount(tries, 'tries', [1, 100]) ?? 3,
    doesWrite: values.write === true,
    ...(settings && { settings }),
    ...(fault && { settingsFault: fault }),
    ...(settings?.caFile !== undefined && { extraCa: [readText(settings.caFile)] }),
    ...(credentials && { credentials }),
    ...(values.issuer !== undefined && { issuer: values.issuer }),
  }
}

function openDoor(env: Environment): DoctorDeps {
  return {
    openHttp,
    findAddresses,
    now: () => new Date(),
    sleep: (milliseconds) => wait(milliseconds),
    random: Math.random,
    newId: randomUUID,
    userAgent: toUserAgent(version, { ...env, DRONE_STEP_NAME: 'doctor' }),
  }
}

function readWords(args: readonly string[], env: Environment) {
  const names = settingNames().flatMap((name) => [name, ...(settingsTable[name].aliases ?? [])])
  const flags = Object.fromEntries(
    names
      .filter((name) => findSetting(name) !== 'token')
      .map((name) => [name.replaceAll('_', '-'), { type: 'string' as const }]),
  )
  const given = new Map<string, unknown>()
  for (const [variable, value] of Object.entries(env)) {
    if (variable.startsWith('PLUGIN_') && value) {
      given.set(variable.slice('PLUGIN_'.length).toLowerCase(), value)
    }
  }
  const { values, positionals, tokens } = parse(args, { ...flags, ...own })
  const [url, ...others] = positionals
  if (others.length > 0 || (url !== undefined && !isUrl(url))) {
    throw usage('it takes one URL and no other words')
  }
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(own, token.name)) continue
    replace(given, token.name.replaceAll('-', '_'), token.value)
  }
  if (url !== undefined) takeUrl(given, url)
  return { values, given }
}

function parse<Options extends Record<string, { type: 'string' | 'boolean'; short?: string }>>(
  args: readonly string[],
  options: Options & typeof own,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, tokens: true })
  } catch (error) {
    throw usage(messageOf(error))
  }
}

function takeUrl(given: Map<string, unknown>, url: string): void {
  const endpoint = given.get('endpoint')
  const place = readUrl(url, typeof endpoint === 'string' ? endpoint : undefined)
  if (typeof place === 'string') throw usage(place)
  // A URL says all of where.
  for (const name of ['container', 'share', 'service', 'account', 'target', 'source', 'action']) {
    for (const each of given.keys()) if (findSetting(each) === name) given.delete(each)
  }
  for (const [name, value] of place.given) replace(given, name, value)
  given.set('target', place.path)
}

// A flag counts more than a variable, also under another of its names.
function replace(given: Map<string, unknown>, name: string, value: unknown): void {
  const setting = findSetting(name)
  for (const each of given.keys()) if (findSetting(each) === setting) given.delete(each)
  given.set(name, value)
}

function toCount(
  text: string | undefined,
  name: string,
  [min, max]: readonly [number, number],
): number | undefined {
  if (text === undefined) return undefined
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= min && count <= max) return count
  throw usage(`--${name} is “${text}” and must be ${min} to ${max}`)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw usage(messageOf(error))
  }
}

function usage(what: string): Fault {
  return new Fault('cli_usage', `doctor: ${what}.`, {
    hint: 'Run `azure-storage-drone doctor --help`.',
  })
}
