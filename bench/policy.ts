// How long one decision takes, by the number of entries in the policy: an entry named by the pipeline
// (decide), the only entry that admits the build (decideAlone), and a refusal with its reasons.
import { sampleBuild } from '../src/ci/build.fixture.ts'
import type { Build } from '../src/ci/build.ts'
import { Fault } from '../src/core/fault.ts'
import { decide, decideAlone } from '../src/policy/decide.ts'
import { sampleEntry } from '../src/policy/entry.fixture.ts'
import { toPolicy, type Policy } from '../src/policy/schema.ts'
import { median, type BenchResult } from './bench.ts'

const sizes = [1, 50, 500, 5000]
const rounds = 15
const decisionsPerRound = 20_000
const goalAt = 500
const goalNs = 2000

type Question = (policy: Policy, build: Build, entryName: string) => unknown

const questions: Record<string, Question> = {
  decide,
  decideAlone: (policy, build) => decideAlone(policy, build),
  'decide, refused': (policy, build, entryName) => {
    try {
      return decide(policy, { ...build, event: 'custom' }, entryName)
    } catch (error) {
      if (error instanceof Fault) return error.code
      throw error
    }
  },
}

/** Nanoseconds per decision, median of rounds, at 1 to 5,000 entries. */
export async function measurePolicy(): Promise<BenchResult> {
  const rows = sizes.flatMap((entries) => {
    const { policy, builds } = makePolicy(entries)
    return Object.entries(questions).map(([question, ask]) => {
      const times = Array.from({ length: rounds }, () => timeRound(ask, policy, builds))
      // The first rounds are the compiler's.
      return { entries, question, ns: Math.round(median(times.slice(3))) }
    })
  })
  const goals = ['decide', 'decideAlone'].map((question) => {
    const value = rows.find((row) => row.entries === goalAt && row.question === question)?.ns ?? NaN
    return {
      goal: `${question} at ${goalAt} entries, ns`,
      target: `< ${goalNs}`,
      value,
      met: value < goalNs,
    }
  })
  return { bench: 'policy', rows, goals }
}

function timeRound(ask: Question, policy: Policy, builds: readonly [string, Build][]): number {
  const startedAt = process.hrtime.bigint()
  for (let index = 0; index < decisionsPerRound; index += 1) {
    const [name, build] = builds[index % builds.length] as [string, Build]
    ask(policy, build, name)
  }
  return Number(process.hrtime.bigint() - startedAt) / decisionsPerRound
}

// Every entry trusts a repository of its own for branches, release branches and tags.
function makePolicy(count: number): { policy: Policy; builds: [string, Build][] } {
  const numbers = Array.from({ length: count }, (_, index) => index)
  const policy = toPolicy(
    numbers.map((number) =>
      sampleEntry(`entry-${number}`, {
        subjects: [
          {
            instance: 'ci-main',
            repositoryId: String(1000 + number),
            repository: `octo/repository-${number}`,
            events: ['push', 'tag'],
            refs: ['refs/heads/main', 'refs/heads/release/*', 'refs/tags/v*'],
          },
        ],
      }),
    ),
  )
  const builds = numbers.slice(-1000).map((number): [string, Build] => [
    `entry-${number}`,
    sampleBuild({
      ref: number % 2 === 0 ? 'refs/heads/main' : `refs/heads/release/1.${number}`,
      repository: {
        ...sampleBuild().repository,
        uid: String(1000 + number),
        slug: `octo/repository-${number}`,
      },
    }),
  ])
  return { policy, builds }
}
