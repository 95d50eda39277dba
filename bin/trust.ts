// `azure-storage-drone trust …`: reads the policy and the service configuration, asks the pure functions
// of src/trust, and prints.
import { join } from 'node:path'

import { readYaml } from '../src/policy/source.ts'
import { didYouMean } from '../src/policy/spelling.ts'
import { parseActual } from '../src/trust/actual.ts'
import type { DesiredState } from '../src/trust/desired.ts'
import { lintTrust } from '../src/trust/lint.ts'
import { writeAzScript } from '../src/trust/output-az.ts'
import { writeBicep } from '../src/trust/output-bicep.ts'
import { writeTerraform } from '../src/trust/output-terraform.ts'
import { writePlan } from '../src/trust/plan-text.ts'
import { planTrust } from '../src/trust/plan.ts'
import { readActual } from '../src/trust/read-actual.ts'
import { readTrustService } from '../src/trust/service-facts.ts'
import { runApply } from './trust-apply.ts'
import {
  azureOptions,
  load,
  loadPlanned,
  ofOneTenant,
  read,
  readText,
  shared,
  usage,
  withAzure,
  type TrustIo,
} from './trust-input.ts'
import { runReview } from './trust-review.ts'
import { runRotate } from './trust-rotate.ts'
import { placeFindings, writeTrustLint, writeTrustSarif } from './trust-text.ts'

/** How `trust` is used. */
export const trustUsage = `azure-storage-drone trust <command>

  lint FILE [--config CONFIG] [--format text|json|sarif] [--strict]
                                what Entra or Azure would refuse, found in the policy file (and the
                                service's configuration) without asking anybody
  plan FILE --config CONFIG [--actual STATE.json] [--json]
                                what has to change in Azure, as it is now or as it was read before
  plan FILE --config CONFIG --output az|bicep|terraform|json [--out FOLDER] [--tenant ID]
                                everything as files for somebody who may apply them
  apply FILE --config CONFIG [--yes] [--dry-run] [--service URL] [--wait MINUTES]
                                shows the changes, asks, carries them out, writes the client ids of new
                                identities into FILE, and waits until Azure shows all of it; with
                                --service until trials of every subject work (10 minutes; --wait 0: once)
  review FILE --config CONFIG [--format markdown|json|sarif] [--strict] [--unused-days N]
         [--since REPORT.json|last] [--service URL]
                                what is in Azure, in the CI servers and (with --service) in the trust
                                service against what the policy says, with read rights alone; --since
                                tells what is new; with --service the review is put on record
  rotate --keys --service URL [--emergency] [--dry-run]
                                makes the next signing key; in an emergency it signs at once
  rotate --rename OLD=NEW FILE --config CONFIG --service URL [--finish] [--dry-run] [--yes]
                                lets a repository (owner/name) or all of an owner (owner/*) build under
                                its new name too, before it is renamed; with --finish, after it, no more
                                under the old one; --new-id ID where a transfer changes the id, --instance
                                NAME where several CI servers know the name
  --tenant ID                   the tenant, when the policy leads to several
  --sign-in WAY                 default (the first that works), cli, device-code, environment,
                                managed-identity or workload-identity
  --ca-file FILE, --graph-url URL, --arm-url URL
                                certificates to trust beside the usual ones; Graph and Azure Resource
                                Manager where they are not at their cloud's address
  --service URL, --admin-token-file FILE|-
                                the admin door of the trust service, and the token for it (or the
                                variable AZURE_STORAGE_DRONE_ADMIN_TOKEN)
  --gateway                     as with a gateway that serves what no Azure role can enforce

Exit codes: 0 done (lint: no error; plan: no change) · 2 usage, or a file with mistakes · 3 not allowed
4 plan, apply --dry-run: there are changes; apply: Azure refuses, or you said no · 5 Azure does not answer
6 lint, review: errors, or warnings with --strict; plan, apply: something stands in the way
`

const commands: Record<string, (args: string[], io: TrustIo) => number | Promise<number>> = {
  lint: runLint,
  plan: runPlan,
  apply: runApply,
  review: runReview,
  rotate: runRotate,
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

async function runPlan(args: string[], io: TrustIo): Promise<number> {
  const options = {
    ...shared,
    ...azureOptions,
    actual: { type: 'string' },
    json: { type: 'boolean' },
    out: { type: 'string' },
    output: { type: 'string' },
  } as const
  const { values, file } = read(args, options)
  const { desired } = loadPlanned(io, file, values)
  if (values.output !== undefined)
    return writeOutput(io, desired, { ...values, output: values.output })
  const actual =
    values.actual === undefined
      ? await withAzure(io, desired, values, (deps, tenantId) =>
          readActual(deps, desired, tenantId),
        )
      : parseActual(readText(io, values.actual))
  const plan = planTrust(desired, actual)
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
