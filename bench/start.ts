// How fast the bundled plugin starts, against bare Node: whole processes, run in turn.
import { spawnSync } from 'node:child_process'

import { median, type BenchResult } from './bench.ts'

const runs = 21
const target = 3

const commands = {
  'node -e 0': ['-e', '0'],
  'plugin --help': ['dist/plugin.mjs', '--help'],
}

// Printed by the measured process itself when it ends: the peak of its resident memory, in KiB.
const printPeak =
  "data:text/javascript,process.on('exit',()=>process.stderr.write(`peak=${process.resourceUsage().maxRSS}`))"

/** Median start-up times, their ratio pair by pair, and peak memory. */
export async function measureStart(): Promise<BenchResult> {
  const times: Record<string, number[]> = {}
  for (let round = 0; round <= runs; round += 1) {
    for (const [name, args] of Object.entries(commands)) {
      const milliseconds = run(args)
      // The first round warms the page cache.
      if (round > 0) (times[name] ??= []).push(milliseconds)
    }
  }
  const rows = Object.entries(commands).map(([name, args]) => ({
    command: name,
    medianMs: Math.round(median(times[name] ?? []) * 10) / 10,
    minMs: Math.round(Math.min(...(times[name] ?? [])) * 10) / 10,
    peakMiB: Math.round(peakKiB(args) / 1024),
  }))
  const bare = times['node -e 0'] ?? []
  const ratios = (times['plugin --help'] ?? []).map((time, index) => time / (bare[index] ?? 1))
  const value = Math.round(median(ratios) * 100) / 100
  const goal = 'plugin --help / node -e 0, median of pairs'
  return {
    bench: 'start',
    rows,
    goals: [{ goal, target: `< ${target}`, value, met: value < target }],
  }
}

function run(args: readonly string[]): number {
  const startedAt = performance.now()
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore', env: {} })
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`)
  return performance.now() - startedAt
}

function peakKiB(args: readonly string[]): number {
  const { stderr } = spawnSync(process.execPath, ['--import', printPeak, ...args], { env: {} })
  return Number(/peak=(\d+)/.exec(stderr.toString())?.[1])
}
