// `azure-storage-drone trust …`: reads the policy and the service configuration, asks the pure functions
// of src/trust, and prints.
import { join } from 'node:path'
import { parseArgs, type ParseArgsConfig } from 'node:util'

import { Fault } from '../src/core/fault.ts'
import { parsePolicy, type Policy } from '../src/policy/schema.ts'
import { readYaml } from '../src/policy/source.ts'
import { didYouMean } from '../src/policy/spelling.ts'
import { parseActual } from '../src/trust/actual.ts'
import { toDesired, type DesiredState } from '../src/trust/desired.ts'
import { lintTrust } from '../src/trust/lint.ts'
import { writeAzScript } from '../src/trust/output-az.ts'
import { writeBicep } from '../src/trust/output-bicep.ts'
import { writeTerraform } from '../src/trust/output-terraform.ts'
import { writePlan } from '../src/trust/plan-text.ts'
import { planTrust } from '../src/trust/plan.ts'
import { readTrustService } from '../src/trust/service-facts.ts'
import { inTenant, tenantsOf } from '../src/trust/tenant.ts'
import { placeFindings, writeTrustLint, writeTrustSarif } from './trust-text.ts'

/** What the command needs of the world. */
export type TrustIo = {
  readFile: (path: string) => string
  /** Writes a file, and the folders above it. */
  writeFile: (path: string, text: string) => void
  write: (text: string) => void
}

/** How `trust` is used. */
export const trustUsage = `azure-storage-drone trust <command>

  lint FILE [--config CONFIG] [--format text|json|sarif] [--strict]
                                what Entra or Azure would refuse, found in the policy file (and the
                                service's configuration) without asking anybody
  plan FILE --config CONFIG --actual STATE.json [--json]
                                what has to change in Azure, from a state that was read before
  plan FILE --config CONFIG --output az|bicep|terraform|json [--out FOLDER] [--tenant ID]
                                everything as files for somebody who may apply them
  --gateway                     as with a gateway that serves what no Azure role can enforce

Exit codes: 0 done (lint: no error; plan: no change) · 2 usage, or a file with mistakes · 4 plan:
there are changes · 6 lint: errors, or warnings with --strict; plan: something stands in the way
`

const shared = { config: { type: 'string' }, gateway: { type: 'boolean' } } as const

const commands: Record<string, (args: string[], io: TrustIo) => number> = {
  lint: runLint,
  plan: runPlan,
}

/** Runs `trust <command>`; resolves to the exit code, throws cli_usage or config_invalid. */
export async function trustCommand(args: string[], io: TrustIo): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help') {
    io.write(trustUsage)
    return name === undefined ? 2 : 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command) return command(rest, io)
  throw usage(`there is no command "${name}"${didYouMean(name, Object.keys(commands)) || '.'}`)
}

function runLint(args: string[], io: TrustIo): number {
  const options = { ...shared, format: { type: 'string' }, strict: { type: 'boolean' } } as const
  const { values, file } = read(args, options)
  const { format = 'text', config } = values
  if (!['text', 'json', 'sarif'].includes(format)) throw usage('--format is text, json or sarif.')
  const { policy, text } = load(io, file, values.gateway)
  const service = config === undefined ? undefined : readTrustService(readText(io, config))
  const report = lintTrust({ policy, ...(service && { service: service.service }) })
  const placed = placeFindings(report, {
    policy: { name: file, source: readYaml(text, 'policy file') },
    config: service && { name: config ?? '', source: service.source },
  })
  if (format === 'sarif') io.write(writeTrustSarif(placed))
  else if (format === 'json')
    io.write(`${JSON.stringify({ findings: placed, counts: report.counts })}\n`)
  else io.write(writeTrustLint(report, placed))
  const bad = values.strict ? ['error', 'warning'] : ['error']
  return placed.some(({ severity }) => bad.includes(severity)) ? 6 : 0
}

function runPlan(args: string[], io: TrustIo): number {
  const options = {
    ...shared,
    actual: { type: 'string' },
    json: { type: 'boolean' },
    out: { type: 'string' },
    output: { type: 'string' },
    tenant: { type: 'string' },
  } as const
  const { values, file } = read(args, options)
  if (values.config === undefined) throw usage('plan needs --config, for the issuer URL.')
  const { policy } = load(io, file, values.gateway)
  const { service } = readTrustService(readText(io, values.config))
  // What is wrong is wrong in the files, too: a plan of half a policy would look whole.
  const { findings } = lintTrust({ policy, service })
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) {
    const list = errors.map(({ message, code }) => `\n  - ${message} [${code}]`).join('')
    throw new Fault('config_invalid', `The policy cannot be planned as it is:${list}`, {
      hint: `Run \`azure-storage-drone trust lint ${file} --config ${values.config}\`.`,
    })
  }
  const { desired } = toDesired({ policy, issuerUrl: service.issuerUrl })
  if (values.output !== undefined)
    return writeOutput(io, desired, { ...values, output: values.output })
  if (values.actual === undefined)
    throw usage('plan needs --output, or --actual with a state of Azure.')
  const plan = planTrust(desired, parseActual(readText(io, values.actual)))
  io.write(values.json ? `${JSON.stringify(plan)}\n` : writePlan(plan))
  if (plan.notes.some(({ isBlocking }) => isBlocking)) return 6
  return plan.changes.length > 0 ? 4 : 0
}

function writeOutput(
  io: TrustIo,
  desired: DesiredState,
  { output, out, tenant }: { output: string; out?: string; tenant?: string },
): number {
  const files = writeFiles(output, output === 'json' ? desired : ofOneTenant(desired, tenant))
  const names = Object.keys(files)
  if (out === undefined && names.length > 1)
    throw usage(`${output} makes ${names.length} files: name a folder with --out.`)
  for (const [name, text] of Object.entries(files)) {
    if (out === undefined) io.write(text)
    else {
      io.writeFile(join(out, name), text)
      io.write(`${join(out, name)}\n`)
    }
  }
  return 0
}

function writeFiles(output: string, desired: DesiredState): Record<string, string> {
  switch (output) {
    case 'az':
      return { 'trust.sh': writeAzScript(desired) }
    case 'bicep':
      return writeBicep(desired)
    case 'terraform':
      return { 'trust.tf': writeTerraform(desired) }
    case 'json':
      return { 'trust.json': `${JSON.stringify(desired, undefined, 2)}\n` }
    default:
      throw usage(`--output is az, bicep, terraform or json, not "${output}".`)
  }
}

function ofOneTenant(desired: DesiredState, tenant: string | undefined): DesiredState {
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

function read<const Options extends NonNullable<ParseArgsConfig['options']>>(
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

function load(io: TrustIo, file: string, gatewayServes = false): { policy: Policy; text: string } {
  const text = readText(io, file)
  return { policy: parsePolicy(text, { gatewayServes }), text }
}

function readText(io: TrustIo, file: string): string {
  try {
    return io.readFile(file)
  } catch (cause) {
    const why = (cause as Error).message
    throw new Fault('config_invalid', `${file} cannot be read: ${why}.`, { cause })
  }
}

function usage(sentence: string, cause?: unknown): Fault {
  return new Fault('cli_usage', `trust: ${sentence}`, {
    cause,
    hint: 'Run `azure-storage-drone trust --help`.',
  })
}
