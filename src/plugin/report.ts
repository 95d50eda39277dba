// What the step says in the CI log: plain lines, no colours, nothing that a terminal would obey.
import { toPlainLine } from '../azure/plain-line.ts'
import type { Fault } from '../core/fault.ts'
import type { Outcome } from '../transfer/schedule.ts'
import type { Skipped } from '../transfer/select.ts'

/** Takes one line of the log. */
export type Log = (line: string) => void

/** What went over the wire, for the last line. */
export type Summary = {
  action: 'upload' | 'download'
  files: number
  bytes: number
  durationMs: number
  /** From where or to where. */
  place: string
}

/** A log whose every line is one printable line, whatever names and answers are put into it. */
export function createLog(write: (text: string) => void): Log {
  return (line) => write(`${toPlainLine(line, 8_000)}\n`)
}

/** `uploaded 1,204 files, 52.3 MB in 1.8 s (29 MB/s) to https://…`. */
export function summaryLine({ action, files, bytes, durationMs, place }: Summary): string {
  const speed = durationMs > 0 ? ` (${showBytes((bytes * 1000) / durationMs)}/s)` : ''
  const way = action === 'upload' ? 'uploaded' : 'downloaded'
  const toward = action === 'upload' ? 'to' : 'from'
  return (
    `${way} ${showCount(files, 'file')}, ${showBytes(bytes)} in ${showSeconds(durationMs)}${speed} ` +
    `${toward} ${place}`
  )
}

/** One line of progress. */
export function progressLine(
  done: { bytes: number; totalBytes: number },
  durationMs: number,
): string {
  const percent = done.totalBytes > 0 ? Math.floor((done.bytes / done.totalBytes) * 100) : 100
  // A range that was fetched twice must not look like more than everything.
  return (
    `${showBytes(done.bytes)} of ${showBytes(done.totalBytes)} (${Math.min(percent, 100)} %) ` +
    `after ${showSeconds(durationMs)}`
  )
}

/** What was left out on purpose; undefined when nothing was. */
export function skippedLine({ dotted, links, special }: Skipped): string | undefined {
  const parts = [
    ...(dotted > 0 ? [`${dotted} with a leading dot (\`dotfiles: true\` takes them)`] : []),
    ...(links > 0 ? [showCount(links, 'symbolic link')] : []),
    ...(special > 0 ? [`${special} neither file nor folder`] : []),
  ]
  return parts.length > 0 ? `left out: ${parts.join(', ')}` : undefined
}

/** One line for every file that failed by itself. */
export function failureLines({ failures, notDone }: Outcome): string[] {
  const lines = failures.map(
    ({ name, fault }) => `failed: ${name}: ${fault.message} (${fault.code})`,
  )
  return notDone > 0
    ? [...lines, `not transferred because of that: ${showCount(notDone, 'file')}`]
    : lines
}

/** The last lines of a failed step: what happened, what to do, and the code. */
export function faultLines(fault: Fault): string[] {
  return [
    `error: ${fault.message}`,
    ...(fault.hint === '' ? [] : [`what to do: ${fault.hint}`]),
    `code ${fault.code}, exit ${fault.exitCode}`,
  ]
}

/** The last lines of a step that met a defect of ours. */
export function defectLines(error: unknown, version: string): string[] {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return [
    `error: this is a defect of azure-storage-drone ${version}, not of your build`,
    ...stack.split('\n').map((line) => `  ${line.trim()}`),
    'what to do: report it with these lines and the settings of the step',
    'code defect, exit 70',
  ]
}

/** `1 file`, `1,204 files`. */
export function showCount(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}

/** Bytes in decimal units: `512 B`, `52.3 MB`, `29 MB`. */
export function showBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit]}`
}

function showSeconds(durationMs: number): string {
  return durationMs < 60_000
    ? `${(durationMs / 1000).toFixed(1)} s`
    : `${Math.floor(durationMs / 60_000)} min ${Math.round((durationMs % 60_000) / 1000)} s`
}
