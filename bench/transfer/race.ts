// One case: every runner in turn, several rounds, medians; what a round leaves behind is cleared
// between two runs, outside of the time.
import { median } from '../bench.ts'
import { type Command, type Cost, measure } from './measure.ts'

/** A runner and how often it runs; a slow peer needs no second round. */
export type Runner = {
  command: Command
  /** Name of the row, when not the program's. */
  as?: string
  rounds: number
  /** Before each run. */
  clear?: () => void
}

/** The medians of one runner. */
export type Result = Cost & { who: string }

/** Runs all runners of one case, round by round. */
export async function race(folder: string, runners: readonly Runner[]): Promise<Result[]> {
  const costs = new Map<Runner, Cost[]>(runners.map((runner) => [runner, []]))
  const most = Math.max(...runners.map(({ rounds }) => rounds))
  for (let round = 0; round < most; round += 1) {
    for (const runner of runners) {
      if (round >= runner.rounds) continue
      runner.clear?.()
      costs.get(runner)?.push(await measure(folder, runner.command))
    }
  }
  return runners.map((runner) => {
    const own = costs.get(runner) ?? []
    return {
      who: runner.as ?? runner.command.who,
      wallSeconds: median(own.map(({ wallSeconds }) => wallSeconds)),
      cpuSeconds: median(own.map(({ cpuSeconds }) => cpuSeconds)),
      peakMiB: Math.max(...own.map(({ peakMiB }) => peakMiB)),
    }
  })
}
