// The replayed runner's calls of its extensions: really signed, and failures swallowed as the docker runner
// swallows them (facts/drone.md §1.3).
import { extensions as kinds } from '../../../src/ci/drone/signature.ts'
import type { Secret } from '../../../src/core/secret.ts'
import { buildJson, callExtension, type LabAnswer, repositoryJson } from '../../../src/lab/drone.ts'
import type { WireDetails } from './wire.ts'

/** A variable for every step of a stage. */
export type GlobalVariable = { name: string; data: string; mask?: boolean }

/** What a runner asks before a stage runs. */
export type Extensions = {
  /** Nothing when the extension fails. */
  environ: (of: WireDetails) => Promise<GlobalVariable[]>
  /** Empty when the extension fails or has nothing. */
  secret: (of: WireDetails, get: { path: string; name: string }) => Promise<string>
}

/** The extensions at these addresses. */
export function createExtensions(options: {
  now: () => Date
  secret: { url: string; token: Secret }
  environ: { url: string; token: Secret }
}): Extensions {
  const bodyOf = ({ repository, build }: WireDetails) => ({
    repo: repositoryJson(repository),
    build: buildJson(repository, build),
  })
  const read = (answer: LabAnswer | undefined) =>
    answer?.status === 200 ? (JSON.parse(answer.body) as unknown) : undefined
  return {
    environ: async (of) => {
      const to = { ...options.environ, extension: kinds.environ }
      const answer = await callExtension(options, to, bodyOf(of)).catch(() => undefined)
      return (read(answer) as GlobalVariable[] | undefined) ?? []
    },
    secret: async (of, get) => {
      const to = { ...options.secret, extension: kinds.secret }
      const answer = await callExtension(options, to, { ...get, ...bodyOf(of) }).catch(
        () => undefined,
      )
      return (read(answer) as { data?: string } | undefined)?.data ?? ''
    },
  }
}
