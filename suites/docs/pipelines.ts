// Pipelines of pages and examples: every step of ours with its settings as the CI server would hand them
// over, and every command of ours as its shell would split it, read by the product's own parsers.
import { messageOf } from '../../src/core/fault.ts'
import { readExecRequest } from '../../src/handoff/read-request.ts'
import { interpretSettings, readSettings, type Settings } from '../../src/plugin/settings.ts'
import { readCommandLine, toFlagName } from '../../src/plugin/settings/flags.ts'
import type { Action } from '../../src/plugin/settings/row.ts'

/** A map of YAML. */
export type Yaml = Record<string, unknown>

/** Whether a value is a map. */
export function isMap(value: unknown): value is Yaml {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Something of ours in a pipeline; `check` throws the fault of its parser. */
export type OwnPart = { kind: 'step' | 'command'; check: () => void }

const image = /(^|\/)azure-storage-drone(:|$)/

/** All of them, wherever in a document they stand. */
export function findOwnParts(value: unknown): OwnPart[] {
  if (Array.isArray(value)) return value.flatMap((each) => findOwnParts(each))
  if (!isMap(value)) return []
  const { settings } = value
  const own: OwnPart[] =
    isMap(settings) && image.test(String(value['image']))
      ? [{ kind: 'step', check: () => void readStep(settings) }]
      : []
  const commands = Array.isArray(value['commands']) ? value['commands'] : []
  const typed = commands
    .map(String)
    .filter((command) => command.startsWith('azure-storage-drone '))
    .map((command): OwnPart => ({ kind: 'command', check: () => checkCommand(command) }))
  return [...own, ...typed, ...Object.values(value).flatMap((each) => findOwnParts(each))]
}

/** Settings that a page shows by themselves; what every step needs is taken as given. */
export function fragmentOf(settings: Yaml): OwnPart {
  const way = { action: 'upload', source: 'dist', account: 'acmeart', token: { from_secret: '' } }
  const isPlaced = ['container', 'share', 'site', 'bucket'].some((key) => key in settings)
  const whole = { ...way, ...(isPlaced ? {} : { container: 'artifacts' }), ...settings }
  return { kind: 'step', check: () => void readStep(whole) }
}

// The CI server has put its values in before a step sees its settings.
const filled = (text: string) => text.replaceAll(/\$\{\w+\}/g, '7')

/** The settings of a step, read as the step reads them. */
export function readStep(settings: Yaml, replace = filled): Settings {
  return readSettings({ ...surroundings(settings), ...toVariables(settings, replace) })
}

/** As Drone and Woodpecker hand settings over: lists of plain values with commas, all else as JSON. */
export function toVariables(
  settings: Yaml,
  replace: (text: string) => string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      `PLUGIN_${name.toUpperCase()}`,
      replace(toVariable(value)),
    ]),
  )
}

function toVariable(value: unknown): string {
  if (isMap(value) && 'from_secret' in value) return sampleToken
  if (Array.isArray(value)) {
    return value.every((each) => !isMap(each)) ? value.join(',') : JSON.stringify(value)
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const payload = Buffer.from(JSON.stringify({ url: 'https://trust.example' })).toString('base64url')

/** Of the right form, and worth nothing. */
export const sampleToken = `asd1.${payload}.c2VjcmV0`

// Without a token the identity comes from what Harness or a cluster sets.
function surroundings(settings: Yaml): Record<string, string> {
  if ('token' in settings) return {}
  if ('client_id' in settings) return { PLUGIN_OIDC_TOKEN_ID: 'eyJhbGciOiJub25lIn0.e30.c2ln' }
  return {
    AZURE_FEDERATED_TOKEN_FILE: '/var/run/secrets/azure/tokens/azure-identity-token',
    AZURE_TENANT_ID: '11111111-2222-4333-8444-666666666666',
    AZURE_CLIENT_ID: 'aaaaaaaa-bbbb-4ccc-8ddd-000000000001',
  }
}

function checkCommand(command: string): void {
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  )
  const [, name = '', ...args] = words
  const env = { AZURE_STORAGE_DRONE_TOKEN: sampleToken }
  if (name === 'exec') {
    readExecRequest(args, env)
    return
  }
  if (!/^(upload|download|sync|list|remove|link|verify)$/.test(name)) return
  const line = readCommandLine(name as Action, args)
  const [problem] = line.problems
  if (problem !== undefined) throw new TypeError(`${command}: ${problem}`)
  interpretSettings({
    show: toFlagName,
    given: line.given,
    env,
    isPerson: false,
    showsLinks: false,
    tokenEmpty: () => {
      throw new TypeError(messageOf('no token'))
    },
  })
}
