// What travels between the replayed server and its runner, on the paths that Drone's own runners use
// (runner-go/client/http.go); the shapes are Drone's as far as the replay needs them.
import type { BuildWords } from '../../../src/lab/drone-environment.ts'
import type { LabBuild, LabRepository } from '../../../src/lab/drone.ts'

/** Where something stands. */
export type Status = 'pending' | 'running' | 'success' | 'failure' | 'skipped'

/** A step, as the API and webhooks show it. */
export type WireStep = {
  id: number
  /** The stage's id: Drone misnames it. */
  step_id: number
  number: number
  name: string
  status: Status
  image: string
  exit_code: number
  started?: number
  stopped?: number
  schema?: string
}

/** The one stage of a build. */
export type WireStage = {
  id: number
  build_id: number
  number: number
  name: string
  kind: string
  type: string
  status: Status
  machine: string
  os: string
  arch: string
  steps?: WireStep[]
}

/** A build, as the API and webhooks show it. */
export type WireBuild = Omit<LabBuild, 'stages' | 'status'> &
  BuildWords & { status: Status; stages: WireStage[]; repo_id: number }

/** What a runner is told once it has taken a stage. */
export type WireDetails = {
  build: WireBuild
  stage: WireStage
  repository: LabRepository
  config: { data: string }
  netrc: { machine: string; login: string; password: string }
}

/** A line of a log. */
export type WireLine = { pos: number; out: string; time: number }
