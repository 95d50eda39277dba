// `trust rotate --rename`: an announced rename in two runs. The first lets the new name in beside the old
// one and waits until it works; the second, after the rename, takes the old one out. Each can be run again.
import { Fault } from '../src/core/fault.ts'
import type { PolicyOptions } from '../src/policy/schema.ts'
import { applyPlan } from '../src/trust/apply.ts'
import { awaitTrials } from '../src/trust/await-trials.ts'
import type { ControlDeps } from '../src/trust/control.ts'
import { writePlanned } from '../src/trust/plan-text.ts'
import { readActual } from '../src/trust/read-actual.ts'
import { dropOldNames, writeNewNames } from '../src/trust/rotate-file.ts'
import {
  batchRenames,
  countCredentials,
  listNewTrials,
  listSlugless,
  planFirstRun,
  planSecondRun,
  type CredentialChange,
  type RotationInput,
  type RotationStep,
} from '../src/trust/rotate-plan.ts'
import {
  addNew,
  findRenames,
  isStarted,
  readOrder,
  type Rename,
  type RenameOrder,
} from '../src/trust/rotate-subjects.ts'
import { writeImpossible, writeRenames, writeTimeline } from '../src/trust/rotate-text.ts'
import { tryThrough } from '../src/trust/rotate-trial.ts'
import type { TrustService } from '../src/trust/service-client.ts'
import { isWanted, rewriteFile } from './trust-desk.ts'
import {
  loadPlanned,
  readText,
  usage,
  withAzure,
  type AzureValues,
  type Planned,
  type TrustIo,
} from './trust-input.ts'
import { findDeafRunners, readInstance, seeRename } from './trust-rotate-ci.ts'
import { withService, type ServiceValues } from './trust-service.ts'

/** The options of a rename. */
export type RenameValues = AzureValues &
  ServiceValues & {
    rename: string
    config?: string
    gateway?: boolean
    'new-id'?: string
    instance?: string
    finish?: boolean
    yes?: boolean
    'dry-run'?: boolean
  }

// As long as Microsoft says that a new federated credential may take, and some more.
const trialPatienceMs = 15 * 60_000

/** Runs one of the two runs; resolves to the exit code. */
export async function runRename(io: TrustIo, file: string, values: RenameValues): Promise<number> {
  const planned = loadPlanned(io, file, values)
  const order = readOrder(values.rename, { newId: values['new-id'], instance: values.instance })
  const renames = findRenames(planned.policy, order)
  if (renames.length === 0) return tellNothing(io, planned, order)
  if (values.service === undefined && !values['dry-run']) {
    throw usage(
      'rotate --rename tries the new subjects through the trust service: add --service URL.',
    )
  }
  return withService(values, (service) =>
    withAzure(io, planned.desired, values, async (deps, tenantId) => {
      const { policy, issuerUrl, desired } = planned
      const actual = await readActual(deps, desired, tenantId)
      const run = { io, file, values, planned, deps, service, input: { policy, issuerUrl, actual } }
      return values.finish ? finish(run, renames) : announce(run, renames)
    }),
  )
}

type Run = {
  io: TrustIo
  file: string
  values: RenameValues
  planned: Planned
  deps: ControlDeps
  service: TrustService | undefined
  input: RotationInput
}

function tellNothing(io: TrustIo, { policy }: Planned, order: RenameOrder): number {
  const { from, to } = order
  const back = findRenames(policy, { ...order, from: to, to: from, newId: undefined })
  if (back.length === 0) throw usage(`the policy names neither ${from} nor ${to}.`)
  io.write(
    `Nothing to do: the policy knows ${back.map((each) => each.from).join(', ')}, and ${from} no more.\n`,
  )
  return 0
}

async function announce(run: Run, renames: readonly Rename[]): Promise<number> {
  const { io, file, values, planned, input } = run
  const { taken, waiting, impossible } = batchRenames(input, renames)
  const [never] = impossible
  if (never) throw new Fault('trust_rename_full', writeImpossible(never))
  const step = planFirstRun(input, taken)
  const text = writeNewNames(planned.text, taken, optionsOf(values))
  // What lint refuses of the new names, such as a subject that is too long, is refused before anything changes.
  const next = loadPlanned(withText(io, file, text), file, values)
  tellTimeline(run, { taken, waiting, added: step.changes })
  if (isBlocked(run, step)) return 6
  const isNothing = text === planned.text && step.changes.length === 0
  if (values['dry-run']) return isNothing ? 0 : 4
  if (!isNothing && !(await isAgreed(run))) return 4
  rewrite(run, text)
  await carryOut(run, next, step.changes)
  await tryNew(run, taken)
  const last = waiting.length > 0 ? ' Then run it without --finish again, for the next batch.' : ''
  io.write(
    `The new name works beside the old one. Rename now: ${writeRenames(taken)}; then run the same command with --finish.${last}\n`,
  )
  return 0
}

async function finish(run: Run, renames: readonly Rename[]): Promise<number> {
  const { io, file, values, planned, input } = run
  const begun = renames.filter((each) => isStarted(planned.policy, each))
  if (begun.length === 0) {
    throw usage(
      'the new names are not in the policy yet: run the same command without --finish first.',
    )
  }
  const { done, pending } = await seeAll(run, begun)
  if (done.length === 0) {
    const [first] = pending
    throw new Fault(
      'trust_rename_pending',
      `The CI server does not know ${writeRenames(pending)} yet, so builds still come as ${first?.from}.`,
    )
  }
  const step = planSecondRun(input, done)
  const text = dropOldNames(planned.text, done, optionsOf(values))
  const next = loadPlanned(withText(io, file, text), file, values)
  tellTimeline(run, { taken: done, waiting: [], removed: step.changes })
  if (isBlocked(run, step)) return 6
  if (values['dry-run']) return 4
  if (!(await isAgreed(run))) return 4
  await tryNew(run, done)
  // Credentials first: should this run end here, the file still says what is left to do.
  await carryOut(run, next, step.changes)
  rewrite(run, text)
  const rest = renames.filter((each) => !done.includes(each))
  io.write(`Done: ${writeRenames(done)}.\n`)
  if (rest.length === 0) return 0
  io.write(`Left: ${writeRenames(rest)}.\n`)
  return 4
}

async function seeAll(
  { io, values: { config = '' } }: Run,
  begun: readonly Rename[],
): Promise<{ done: Rename[]; pending: Rename[] }> {
  const [done, pending]: [Rename[], Rename[]] = [[], []]
  for (const rename of begun) {
    const seen = await seeRename(io, readInstance(io, config, rename.instance), rename)
    if (seen.state === 'unasked') {
      io.write(
        `The CI server was not asked whether it knows ${rename.to} (${seen.why}): go on only if it does.\n`,
      )
    }
    const list = seen.state === 'pending' ? pending : done
    list.push(rename)
  }
  return { done, pending }
}

function tellTimeline(
  { io, file, values: { config = '' }, input }: Run,
  {
    taken,
    waiting,
    added,
    removed,
  }: {
    taken: readonly Rename[]
    waiting: readonly (readonly Rename[])[]
    added?: readonly CredentialChange[]
    removed?: readonly CredentialChange[]
  },
): void {
  const both = { ...input, policy: addNew(input.policy, taken) }
  const before = taken.flatMap((rename) =>
    findDeafRunners(readInstance(io, config, rename.instance), rename).map(
      (runner) =>
        `add ${rename.to} to \`repositories\` of the runner ${runner} in ${config}, and restart the service: it may ask for ${rename.from} alone`,
    ),
  )
  io.write(
    writeTimeline({
      file,
      taken,
      waiting,
      counts: countCredentials(input, taken),
      added: added ?? planFirstRun(input, taken).changes,
      removed: removed ?? planSecondRun(both, taken).changes,
      slugless: listSlugless(both.policy, taken),
      before,
    }),
  )
}

function isBlocked({ io }: Run, { notes, changes }: RotationStep): boolean {
  for (const { message } of notes) io.write(`stop  ${message}\n`)
  const unmade = new Set(
    changes.filter(({ clientId }) => clientId === undefined).map(({ identity }) => identity),
  )
  for (const identity of unmade) {
    io.write(`stop  The identity "${identity}" is not in Azure yet: run \`trust apply\` first.\n`)
  }
  return notes.length > 0 || unmade.size > 0
}

async function isAgreed({ io, values }: Run): Promise<boolean> {
  if (values.yes || (await isWanted(io, 'Carry this run out?'))) return true
  io.write('Nothing was changed.\n')
  return false
}

// Whatever somebody wrote to it while they were asked must not be lost.
function rewrite({ io, file, planned }: Run, text: string): void {
  if (text === planned.text) return
  if (readText(io, file) !== planned.text) {
    throw new Fault('config_invalid', `${file} was changed meanwhile, and is left as it is.`, {
      hint: 'Run the same command again.',
    })
  }
  rewriteFile(io, file, text)
  io.write(`${file} is written.\n`)
}

async function carryOut(
  { io, deps, input: { actual } }: Run,
  { desired }: Planned,
  changes: readonly CredentialChange[],
): Promise<void> {
  await applyPlan(deps, { desired, actual }, changes, {
    onDone: (change) => io.write(`done: ${writePlanned(change)}\n`),
    onMade: () => undefined,
  })
}

async function tryNew({ io, deps, service, input }: Run, taken: readonly Rename[]): Promise<void> {
  if (!service) return
  const trials = listNewTrials(input, taken)
  const say = (line: string) => io.write(`${line}\n`)
  await awaitTrials(
    { service: tryThrough(service), sleep: deps.retry.sleep, now: deps.now, say },
    trials,
    trialPatienceMs,
  )
}

function optionsOf({ gateway = false }: RenameValues): PolicyOptions {
  return { gatewayServes: gateway }
}

function withText(io: TrustIo, file: string, text: string): TrustIo {
  return { ...io, readFile: (path) => (path === file ? text : io.readFile(path)) }
}
