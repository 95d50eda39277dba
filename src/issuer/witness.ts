// The second witness: what the CI server itself says of a build, by signed webhook. The runner's word
// alone mints nothing (DESIGN §5.1).
import { referenceTo, traceOf } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import { contradictions, isLive, type Build } from '../ci/build.ts'
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

const waitMilliseconds = 2000
const pauseMilliseconds = 50

/** The server's own word on a live build that agrees with the runner's; throws issuer_build_*. */
export async function confirmBuild(
  deps: {
    now: () => Date
    store: Pick<Store, 'findBuild'>
    sleep: (milliseconds: number) => Promise<void>
  },
  claimed: Build,
): Promise<Build> {
  const witnessed = await awaitWitness(deps, claimed)
  const name = `${claimed.repository.slug}#${claimed.number}`
  if (!witnessed) {
    throw new Fault(
      'issuer_build_unconfirmed',
      `The Drone server has not confirmed the build ${name}: no webhook about it arrived.`,
    )
  }
  const disputed = contradictions(claimed, witnessed.build)
  if (disputed.length > 0) {
    throw new Fault(
      'issuer_build_contradicted',
      `The runner and the Drone server disagree about the build ${name}: ${disputed.join(', ')}.`,
    )
  }
  if (witnessed.isFinal) {
    throw new Fault(
      'issuer_build_finished',
      `The build ${name} is over (${witnessed.build.status}), and its token died with it.`,
    )
  }
  return witnessed.build
}

// Drone schedules a build before it sends the webhook, so a quick step can be first.
async function awaitWitness(
  deps: Parameters<typeof confirmBuild>[0],
  claimed: Build,
): Promise<{ build: Build; isFinal: boolean } | undefined> {
  for (let waited = 0; ; waited += pauseMilliseconds) {
    const row = await deps.store.findBuild(claimed.instance, claimed.id)
    if (row) return { build: JSON.parse(row.payload) as Build, isFinal: row.isFinal }
    if (waited >= waitMilliseconds) return undefined
    await deps.sleep(pauseMilliseconds)
  }
}
