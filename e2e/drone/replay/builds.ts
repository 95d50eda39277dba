// What the replayed server keeps: repositories, builds in the order they came, logs, cards, and stages that
// wait for a runner. Each change is told by webhook, as facts/drone.md §2 has the order.
import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'

import type { LabRepository } from '../../../src/lab/drone.ts'
import type { Status, WireBuild, WireLine, WireStage, WireStep } from './wire.ts'

/** What the server needs of the world to keep builds. */
export type BuildsDeps = {
  readFile: (slug: string, sha: string) => Promise<string>
  tell: (
    repository: LabRepository,
    build: WireBuild,
    action: 'created' | 'updated',
  ) => Promise<void>
}

/** What starts a build: a hook, a person or the clock. */
export type Trigger = Pick<WireBuild, 'event' | 'ref' | 'after' | 'trigger' | 'sender'> &
  Partial<Omit<WireBuild, 'id' | 'number' | 'status' | 'version' | 'stages' | 'repo_id'>>

/** A repository, activated or not, with the key that hooks to it are signed with. */
export type KnownRepository = { repository: LabRepository; isActive: boolean; signer: string }

/** Everything that is kept. */
export type Builds = {
  know: (id: number, slug: string) => void
  find: (slug: string) => KnownRepository | undefined
  list: (slug: string) => WireBuild[]
  findBuild: (slug: string, number: number) => WireBuild | undefined
  create: (slug: string, trigger: Trigger) => Promise<WireBuild>
  /** The next stage that waits, once there is one; undefined when `signal` aborts before. */
  takeStage: (signal: AbortSignal) => Promise<WireStage | undefined>
  /** What belongs to a stage. */
  findStage: (id: number) => { known: KnownRepository; build: WireBuild; file: string } | undefined
  updateStage: (changed: WireStage) => Promise<WireStage>
  updateStep: (changed: WireStep) => Promise<WireStep>
  logs: Map<number, WireLine[]>
  /** Cards by step, as the step gave them. */
  cards: Map<number, { schema: string; data: unknown }>
}

/** Keeps nothing yet. */
export function createBuilds(deps: BuildsDeps): Builds {
  const repositories = new Map<string, KnownRepository>()
  const builds: { known: KnownRepository; build: WireBuild; file: string }[] = []
  const queue: WireStage[] = []
  const events = new EventEmitter()
  events.setMaxListeners(0)
  let lastStep = 0
  const ofStage = (id: number) =>
    builds.find(({ build }) => build.stages.some((stage) => stage.id === id))
  const tell = (kept: { known: KnownRepository; build: WireBuild }) => {
    kept.build.version += 1
    return deps.tell(kept.known.repository, kept.build, 'updated')
  }
  const list = (slug: string) =>
    builds.filter(({ known }) => known.repository.slug === slug).map(({ build }) => build)
  return {
    know: (id, slug) => {
      if (repositories.has(slug)) return
      const repository = { id: 1, uid: String(id), slug, secret: newKey(), timeout: 60 }
      repositories.set(slug, { repository, isActive: false, signer: newKey() })
    },
    find: (slug) => repositories.get(slug),
    list,
    findBuild: (slug, number) => list(slug).find((build) => build.number === number),
    create: async (slug, trigger) => {
      const known = repositories.get(slug)
      if (!known?.isActive) throw new Error(`${slug} is not active`)
      const file = await deps.readFile(slug, trigger.after)
      const id = builds.length + 1
      const stage = newStage(id)
      const now = nowSeconds()
      const build: WireBuild = {
        source_repo: '',
        source: 'main',
        target: 'main',
        ...trigger,
        id,
        number: list(slug).length + 1,
        repo_id: known.repository.id,
        status: 'pending',
        version: 1,
        created: now,
        stages: [stage],
      }
      builds.push({ known, build, file })
      // Before the webhook, which can therefore come after a runner's first request.
      queue.push(stage)
      events.emit('queued')
      await deps.tell(known.repository, build, 'created')
      return build
    },
    takeStage: async (signal) => {
      while (!signal.aborted) {
        const stage = queue.shift()
        if (stage) return stage
        await once(events, 'queued', { signal }).catch(() => undefined)
      }
      return undefined
    },
    findStage: ofStage,
    updateStage: async (changed) => {
      const kept = ofStage(changed.id)
      if (!kept) throw new Error(`no stage ${changed.id}`)
      const steps = (changed.steps ?? []).map((step) => {
        lastStep += step.id === 0 ? 1 : 0
        return step.id === 0 ? { ...step, id: lastStep, step_id: changed.id } : step
      })
      const stage = { ...changed, steps }
      kept.build.stages = [stage]
      const isNew = kept.build.status !== stage.status
      kept.build.status = stage.status
      if (stage.status === 'running') kept.build.started = nowSeconds()
      if (isNew) await tell(kept)
      return stage
    },
    updateStep: async (changed) => {
      const kept = ofStage(changed.step_id)
      const [stage] = kept?.build.stages ?? []
      if (!kept || !stage) throw new Error(`no step ${changed.id}`)
      stage.steps = (stage.steps ?? []).map((step) => (step.id === changed.id ? changed : step))
      await tell(kept)
      return changed
    },
    logs: new Map(),
    cards: new Map(),
  }
}

function newStage(buildId: number): WireStage {
  const status: Status = 'pending'
  return {
    id: 100 + buildId,
    build_id: buildId,
    number: 1,
    name: 'default',
    kind: 'pipeline',
    type: 'docker',
    status,
    machine: '',
    os: 'linux',
    arch: 'amd64',
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

function newKey(): string {
  return randomBytes(16).toString('hex')
}
