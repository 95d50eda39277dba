// What the `trust` commands share: the means they are given, their arguments and files, and how they get
// to Azure.
import { parseArgs, type ParseArgsConfig } from 'node:util'

import { Fault } from '../src/core/fault.ts'
import { parsePolicy, type Policy } from '../src/policy/schema.ts'
import type { ControlDeps } from '../src/trust/control.ts'
import { toDesired, type DesiredState } from '../src/trust/desired.ts'
import { lintTrust } from '../src/trust/lint.ts'
import { readTrustService } from '../src/trust/service-facts.ts'
import { inTenant, tenantsOf } from '../src/trust/tenant.ts'
import type { AzureOptions, OpenAzure, SignInWay } from './trust-azure.ts'

/** What the command needs of the world; what is optional is taken from this process. */
export type TrustIo = {
  readFile: (path: string) => string
  /** Writes a file, and the folders above it. */
  writeFile: (path: string, text: string) => void
  write: (text: string) => void
  /** Puts a file in the place of another at once, so that nobody reads half of it. */
  replaceFile?: (path: string, text: string) => void
  /** A person's yes or no; undefined when there is nobody to ask. */
  ask?: (question: string) => Promise<boolean | undefined>
  openAzure?: (options: AzureOptions) => OpenAzure
}

/** Options that every command has. */
export const shared = { config: { type: 'string' }, gateway: { type: 'boolean' } } as const

/** Options of commands that ask Azure. */
export const azureOptions = {
  tenant: { type: 'string' },
  'sign-in': { type: 'string' },
  'ca-file': { type: 'string' },
  'graph-url': { type: 'string' },
  'arm-url': { type: 'string' },
} as const

/** Their values. */
export type AzureValues = {
  tenant?: string
  'sign-in'?: string
  'ca-file'?: string
  'graph-url'?: string
  'arm-url'?: string
}

/** The arguments of one command with one policy file; throws cli_usage. */
export function read<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: Options,
) {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const [file] = positionals
    if (file !== undefined && positionals.length === 1) return { values, file }
  } catch (cause) {
    throw usage((cause as Error).message, cause)
  }
  throw usage('one policy file is needed.')
}

/** The policy and its text; throws config_invalid. */
export function load(
  io: TrustIo,
  file: string,
  gatewayServes = false,
): { policy: Policy; text: string } {
  const text = readText(io, file)
  return { policy: parsePolicy(text, { gatewayServes }), text }
}

/** A policy that may be planned, and what it asks for. */
export type Planned = { policy: Policy; text: string; desired: DesiredState; issuerUrl: string }

/** The policy, and what has to be in Azure by it; throws config_invalid when lint finds an error. */
export function loadPlanned(
  io: TrustIo,
  file: string,
  { config, gateway }: { config?: string; gateway?: boolean },
): Planned {
  if (config === undefined) throw usage('--config is needed, for the issuer URL.')
  const { policy, text } = load(io, file, gateway)
  const { service } = readTrustService(readText(io, config))
  // What is wrong is wrong in the files, too: a plan of half a policy would look whole.
  const { findings } = lintTrust({ policy, service })
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) {
    const list = errors.map(({ message, code }) => `\n  - ${message} [${code}]`).join('')
    throw new Fault('config_invalid', `The policy cannot be planned as it is:${list}`, {
      hint: `Run \`azure-storage-drone trust lint ${file} --config ${config}\`.`,
    })
  }
  const { issuerUrl } = service
  return { policy, text, desired: toDesired({ policy, issuerUrl }).desired, issuerUrl }
}

/** The part of one tenant: the one that is named, or the only one there is; throws cli_usage. */
export function ofOneTenant(desired: DesiredState, tenant: string | undefined): DesiredState {
  const tenants = tenantsOf(desired)
  if (tenant === undefined && tenants.length > 1) {
    throw usage(
      `the policy leads to ${tenants.length} tenants: choose one with --tenant (${tenants.join(', ')}).`,
    )
  }
  const chosen = tenant ?? tenants[0]
  if (chosen !== undefined && !tenants.includes(chosen.toLowerCase())) {
    throw usage(`the policy has no identity in the tenant ${chosen}; it has ${tenants.join(', ')}.`)
  }
  return chosen === undefined ? desired : inTenant(desired, chosen)
}

/** Does something with Graph and ARM of the policy's tenant; throws cli_usage when it has none. */
export async function withAzure<T>(
  io: TrustIo,
  desired: DesiredState,
  values: AzureValues,
  work: (deps: ControlDeps, tenantId: string) => Promise<T>,
): Promise<T> {
  const { signInWays, openAzure } = await import('./trust-azure.ts')
  const [first] = ofOneTenant(desired, values.tenant).identities
  if (!first) throw usage('the policy has no identity that anything is set up for.')
  const way = values['sign-in'] ?? 'default'
  const isWay = (text: string): text is SignInWay => signInWays.some((each) => each === text)
  if (!isWay(way)) throw usage(`--sign-in is ${signInWays.join(', ')}, not "${way}".`)
  const open = io.openAzure ?? openAzure
  const azure = open({
    tenantId: first.tenantId,
    cloud: first.cloud,
    signIn: way,
    caFile: values['ca-file'],
    graphUrl: values['graph-url'],
    armUrl: values['arm-url'],
    say: io.write,
  })
  try {
    return await work(azure.deps, first.tenantId)
  } finally {
    azure.close()
  }
}

/** A file's text; throws config_invalid. */
export function readText(io: TrustIo, file: string): string {
  try {
    return io.readFile(file)
  } catch (cause) {
    const why = (cause as Error).message
    throw new Fault('config_invalid', `${file} cannot be read: ${why}.`, { cause })
  }
}

/** A mistake in how the command was called. */
export function usage(sentence: string, cause?: unknown): Fault {
  return new Fault('cli_usage', `trust: ${sentence}`, {
    cause,
    hint: 'Run `azure-storage-drone trust --help`.',
  })
}
