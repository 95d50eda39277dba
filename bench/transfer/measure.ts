// Runs one command as a whole process and tells what it cost: wall and CPU seconds and peak memory, as
// the kernel counts them for this process alone (bench/sink/measure.c).
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A command of ours or of a peer. */
export type Command = {
  /** Who: `ours`, `azcopy`, `rclone`, … */
  who: string
  program: string
  args: readonly string[]
  env?: Readonly<Record<string, string>>
}

/** What one run cost. */
export type Cost = { wallSeconds: number; cpuSeconds: number; peakMiB: number }

/** Runs a command to its end; throws with the end of its output when it fails. */
export async function measure(folder: string, command: Command): Promise<Cost> {
  const report = join(folder, `cost-${command.who}`)
  const { code, output } = await new Promise<{ code: number; output: string }>((done) => {
    const child = execFile(
      join(folder, 'measure'),
      [report, command.program, ...command.args],
      { env: { PATH: process.env['PATH'] ?? '', ...command.env }, maxBuffer: 256 * 1024 * 1024 },
      (_, stdout, stderr) => done({ code: child.exitCode ?? 1, output: stdout + stderr }),
    )
  })
  const [wall = 0, cpu = 0, kib = 0, exit = 1] = readFileSync(report, 'utf8').split(' ').map(Number)
  if (code !== 0 || exit !== 0) {
    throw new Error(`${command.who} ended with ${exit}: ${output.slice(-2_000)}`)
  }
  return { wallSeconds: wall, cpuSeconds: cpu, peakMiB: Math.round(kib / 1024) }
}
