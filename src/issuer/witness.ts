// The second witness: what the CI server itself says of a build, by signed webhook, by its API, or by
// both. The runner's word alone mints nothing (DESIGN §5.1).
import { referenceTo, traceOf } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import { contradictions, isLive, isRunning, type Build } from '../ci/build.ts'
import { createBuildApi } from '../ci/drone/api.ts'
import type { Call } from '../ci/drone/call.ts'
import type { BuildApi } from '../ci/recent-answers.ts'
import { createWoodpeckerApi } from '../ci/woodpecker/api.ts'
import type { Instance, WitnessRule } from '../config/instances.ts'
import { Fault } from '../core/fault.ts'
import type { Store } from '../store/store.ts'

/** Keeps the server's newest word on a build, and records when its tokens die with it. */
export async function observeBuild(
  { now, store, ledger }: { now: () => Date; store: Store; ledger: Ledger },
  build: Build,
): Promise<void> {
  const isFinal = !isLive(build.status)
  const isNews = await store.observeBuild({
    instance: build.instance,
    buildId: build.id,
    version: build.version,
    isFinal,
    payload: JSON.stringify(build),
    seenAt: now(),
  })
  if (!isNews || !isFinal) return
  const count = await store.countRequestTokens(build.instance, build.id)
  if (count === 0) return
  await ledger.append({
    type: 'token.revoked',
    decision: 'info',
    detail: `The build ended (${build.status}); ${count} token(s) of it are dead.`,
    trace: traceOf(build),
    build: referenceTo(build),
    caller: { door: 'webhook' },
  })
}

/** How the builds of one instance are confirmed. */
export type Witness = {
  rule: WitnessRule
  api?: BuildApi
  /** Whether a build that is only going to run counts for nothing: Woodpecker asks before its approval. */
  needsRunning: boolean
  /** Keeps the API's word that a build has ended: it may not be unsaid. */
  noteEnd: (build: Build) => Promise<void>
}

/** Witnesses by instance; one that is not named has its webhook alone. */
export type Witnesses = ReadonlyMap<string, Witness>

/** The witnesses the configuration names. */
export function createWitnesses(
  deps: { now: () => Date; call: Call; store: Store; ledger: Ledger },
  instances: ReadonlyMap<string, Instance>,
): Witnesses {
  return new Map(
    [...instances].map(([name, instance]) => {
      const api = openApi(deps, instance)
      const isWoodpecker = instance.woodpecker !== undefined
      const witness: Witness = {
        rule: instance.witness,
        ...(api && { api }),
        needsRunning: isWoodpecker,
        noteEnd: (build) => observeBuild(deps, build),
      }
      return [name, witness]
    }),
  )
}

function openApi(
  deps: { now: () => Date; call: Call },
  { api, woodpecker, ...instance }: Instance,
): BuildApi | undefined {
  if (!api) return undefined
  if (!woodpecker) return createBuildApi(deps, api, instance)
  return createWoodpeckerApi(deps, api, { ...instance, forgeId: woodpecker.forgeId })
}

/** What confirming a build needs of the world. */
export type ConfirmDeps = {
  now: () => Date
  store: Pick<Store, 'findBuild'>
  sleep: (milliseconds: number) => Promise<void>
  witnesses: Witnesses
}

/** A build as the server knows it, and which word of the server's that is. */
export type Confirmation = { build: Build; verifiedBy: 'webhook' | 'api' }

const waitMilliseconds = 2000
const pauseMilliseconds = 50

/** The server's own word on a live build that agrees with the runner's; throws issuer_build_* or ci_api_*. */
export async function confirmByWitness(deps: ConfirmDeps, claimed: Build): Promise<Confirmation> {
  const witness: Partial<Witness> = deps.witnesses.get(claimed.instance) ?? { rule: 'webhook' }
  // Where the API can be asked instead, a webhook is not waited for.
  const isNeeded = witness.rule === 'both' || !witness.api
  const told = await (isNeeded ? awaitWebhook(deps, claimed) : findWebhook(deps, claimed))
  if (!told && isNeeded) throw unconfirmed(claimed, 'no webhook about it arrived')
  if (told) check(claimed, told.build, told.isFinal)
  if (told && !witness.api) return { build: told.build, verifiedBy: 'webhook' }
  // Also of a build the webhook told of: its last word may have been lost.
  const asked = await askApi(witness, claimed)
  return told && witness.rule === 'webhook'
    ? { build: told.build, verifiedBy: 'webhook' }
    : { build: asked, verifiedBy: 'api' }
}

async function askApi(
  { api, needsRunning, noteEnd }: Partial<Witness>,
  claimed: Build,
): Promise<Build> {
  const asked = await api?.(claimed)
  if (!asked) {
    throw unconfirmed(claimed, 'its API knows no such build', {
      hint: "Check that the user of the instance's `api.token` may read the repository.",
    })
  }
  const isOver = !isLive(asked.status)
  if (isOver) await noteEnd?.(asked)
  check(claimed, asked, isOver)
  if (needsRunning && !isRunning(asked.status)) {
    throw new Fault(
      'issuer_build_not_running',
      `The build ${nameOf(claimed)} does not run (${asked.status}), so no step of it can ask.`,
    )
  }
  return asked
}

function unconfirmed(claimed: Build, why: string, more: { hint?: string } = {}): Fault {
  return new Fault(
    'issuer_build_unconfirmed',
    `The CI server has not confirmed the build ${nameOf(claimed)}: ${why}.`,
    more,
  )
}

function check(claimed: Build, witnessed: Build, isFinal: boolean): void {
  const disputed = contradictions(claimed, witnessed)
  if (disputed.length > 0) {
    throw new Fault(
      'issuer_build_contradicted',
      `The runner and the CI server disagree about the build ${nameOf(claimed)}: ${disputed.join(', ')}.`,
    )
  }
  if (isFinal) {
    throw new Fault(
      'issuer_build_finished',
      `The build ${nameOf(claimed)} is over (${witnessed.status}), and its token died with it.`,
    )
  }
}

function nameOf({ repository, number }: Build): string {
  return `${repository.slug}#${number}`
}

// Drone schedules a build before it sends the webhook, so a quick step can be first.
async function awaitWebhook(deps: ConfirmDeps, claimed: Build): Promise<Told | undefined> {
  for (let waited = 0; ; waited += pauseMilliseconds) {
    const told = await findWebhook(deps, claimed)
    if (told ?? waited >= waitMilliseconds) return told
    await deps.sleep(pauseMilliseconds)
  }
}

type Told = { build: Build; isFinal: boolean }

async function findWebhook({ store }: ConfirmDeps, claimed: Build): Promise<Told | undefined> {
  const row = await store.findBuild(claimed.instance, claimed.id)
  return row && { build: JSON.parse(row.payload) as Build, isFinal: row.isFinal }
}
