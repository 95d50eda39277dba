// The transfer engine against AzCopy, rclone and the JavaScript SDK, in one call: whole processes over
// TLS against a sink that is faster than all of them. `BENCH_CASES=big,sync` runs a part.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { BenchResult } from './bench.ts'
import { type Case, cases, startCase } from './transfer/cases.ts'
import { measureCeiling } from './transfer/ceiling.ts'
import { type Bench, makeData } from './transfer/contest.ts'
import { type Goal, goals } from './transfer/goals.ts'
import { measure } from './transfer/measure.ts'
import { findPeers } from './transfer/peers.ts'
import { race, type Result } from './transfer/race.ts'
import { openWorkshop } from './transfer/sink.ts'

// Memory, where there is: a disk would be what is measured.
const memoryFolder = '/dev/shm'

/** Runs the cases and holds the goals; a case that fails is a row that says so, and its goals are missed. */
export async function measureTransfer(): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'asd-bench-'))
  const data = mkdtempSync(join(memoryFolder, 'asd-bench-'))
  try {
    mkdirSync(data, { recursive: true })
    makeData(data)
    const bench: Bench = { workshop: openWorkshop(folder), peers: findPeers(process.env), data }
    const wanted = process.env['BENCH_CASES']?.split(',') ?? ['']
    const chosen = cases.filter(({ name }) => wanted.some((part) => name.includes(part)))
    const rows: BenchResult['rows'] = [...(await measureCeiling(bench))]
    const seen = new Map<string, Result[]>()
    for (const each of chosen) {
      const results = await runCase(bench, each, rows)
      seen.set(each.name, results)
    }
    const held = goals.filter((goal) => seen.has(goal.case)).map((goal) => hold(goal, seen))
    return { bench: 'transfer', rows, goals: held }
  } finally {
    rmSync(folder, { recursive: true, force: true })
    rmSync(data, { recursive: true, force: true })
  }
}

async function runCase(bench: Bench, each: Case, rows: BenchResult['rows']): Promise<Result[]> {
  const sink = await startCase(bench.workshop, each)
  try {
    for (const command of each.prepare?.(bench, sink) ?? []) {
      await measure(bench.workshop.folder, command)
    }
    const results = await race(bench.workshop.folder, each.runners(bench, sink))
    for (const { who, wallSeconds, cpuSeconds, peakMiB } of results) {
      const row = {
        case: each.name,
        who,
        wallSeconds: round(wallSeconds),
        cpuSeconds: round(cpuSeconds),
        peakMiB,
      }
      rows.push(row)
      process.stdout.write(`${Object.values(row).join('  ')}\n`)
    }
    return results
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    rows.push({ case: each.name, who: `failed: ${why.slice(0, 400)}` })
    process.stdout.write(`${each.name} failed: ${why}\n`)
    return []
  } finally {
    await sink.stop()
  }
}

function hold(
  goal: Goal,
  seen: ReadonlyMap<string, readonly Result[]>,
): BenchResult['goals'][number] {
  const value = round(goal.value(seen.get(goal.case) ?? []))
  const met = goal.least === undefined ? value <= (goal.most ?? 0) : value >= goal.least
  const target = goal.least === undefined ? `<= ${goal.most}` : `>= ${goal.least}`
  return { goal: `${goal.case}: ${goal.says}`, target, value, met }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
