// What the step says in the CI log: plain lines, no colours, nothing that a terminal would obey.
import { toPlainLine } from '../azure/plain-line.ts'
import type { Fault } from '../core/fault.ts'
import type { Failure } from '../transfer/move/schedule.ts'
import type { Skipped } from '../transfer/select/select.ts'
import type { Result } from './result.ts'
import type { Action } from './settings/row.ts'

/** Takes one line of the log. */
export type Log = (line: string) => void

// More would bury what the reader looks for; the output file has them all.
const maxFailureLines = 200

const pastWords: Readonly<Record<Action, string>> = {
  upload: 'uploaded',
  download: 'downloaded',
  sync: 'synced',
  list: 'listed',
  remove: 'removed',
  link: 'linked',
  verify: 'verified',
  restore: 'restored',
  save: 'saved',
  keys: 'listed',
  clear: 'cleared',
  prune: 'pruned',
}

/** A log whose every line is one printable line, whatever names and answers are put into it. */
export function createLog(write: (text: string) => void): Log {
  return (line) => write(`${toPlainLine(line, 8_000)}\n`)
}

/** `uploaded 1,204 files, 52.3 MB in 1.8 s (29 MB/s) to https://…; 3 unchanged`. */
export function summaryLine(result: Result): string {
  const { action, files, bytes, durationMs, place, dryRun, cache } = result
  if (cache) return `${cache.note} (${showSeconds(durationMs)})`
  const moves = action === 'upload' || action === 'download' || action === 'sync'
  const size = moves || action === 'verify' || action === 'list' ? `, ${showBytes(bytes)}` : ''
  const aside = asideOf(result)
  const rest = `${place}${aside === '' ? '' : `; ${aside}`}`
  if (dryRun)
    return `dry run: would have ${pastWords[action]} ${showCount(files, 'file')}${size} ${rest}`
  const speed =
    moves && bytes > 0 && durationMs > 0 ? ` (${showBytes((bytes * 1000) / durationMs)}/s)` : ''
  return `${pastWords[action]} ${showCount(files, 'file')}${size} in ${showSeconds(durationMs)}${speed} ${rest}`
}

function asideOf({ action, counts }: Result): string {
  const { keep = 0, set = 0, link = 0, folder = 0, remove = 0 } = counts
  const gone = (action === 'remove' ? 0 : remove) + (counts.delete ?? 0)
  const parts: [number, string][] = [
    [keep, 'left as they are'],
    [set, 'with new properties only'],
    [link, 'as links'],
    [folder, 'empty folders made'],
    [gone, 'removed'],
  ]
  return parts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${showNumber(count)} ${what}`)
    .join(', ')
}

/** What was left out without being told to; undefined when nothing was. */
export function skippedLine({ dotted, links, special }: Skipped): string | undefined {
  const parts = [
    ...(dotted > 0 ? [`${dotted} with a leading dot (\`dotfiles: true\` takes them)`] : []),
    ...(links > 0 ? [`${showCount(links, 'symbolic link')} (\`symlinks\` takes them)`] : []),
    ...(special > 0 ? [`${special} neither file nor folder`] : []),
  ]
  return parts.length > 0 ? `left out: ${parts.join(', ')}` : undefined
}

/**
 * One line for every file that failed by itself, up to 200, and how many were not begun. A reason that was
 * given before is not given again.
 */
export function failureLines({
  failures,
  notDone,
}: Pick<Result, 'failures' | 'notDone'>): string[] {
  const reasons = new Set<string>()
  const more = failures.length - maxFailureLines
  return [
    ...failures.slice(0, maxFailureLines).map((failure) => failureLine(failure, reasons)),
    ...(more > 0 ? [`and ${showNumber(more)} more that failed`] : []),
    ...(notDone > 0 ? [`not transferred because of that: ${showCount(notDone, 'file')}`] : []),
  ]
}

function failureLine({ name, fault }: Failure, reasons: Set<string>): string {
  const reason = fault.message.replaceAll(name, '').replace(/request id [\w-]+/, '')
  if (reasons.has(reason)) return `failed: ${name}: likewise (${fault.code})`
  reasons.add(reason)
  return `failed: ${name}: ${fault.message} (${fault.code})`
}

/** The verdict of `doctor` on a refused step, and the command that comes to it again. */
export type Explanation = {
  verdict: { code: string; sentence: string; fix: string }
  command: string
}

/** The last lines of a failed step: what happened, why if that was found out, what to do, and the code. */
export function faultLines(fault: Fault, explanation?: Explanation): string[] {
  const { verdict, command } = explanation ?? {}
  const isExplained = verdict !== undefined && verdict.code !== 'ok'
  const hint = isExplained ? verdict.fix : fault.hint
  return [
    `error: ${fault.message}`,
    ...(verdict ? [`verdict: ${verdict.code} ${verdict.sentence}`] : []),
    ...(hint === '' ? [] : [`what to do: ${hint}`]),
    ...(command === undefined ? [] : [`to look again: ${command}`]),
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

/** A whole number with commas: `1,204`. By hand, because the first `toLocaleString` takes 15 ms. */
export function showNumber(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 file`, `1,204 files`. */
export function showCount(count: number, noun: string): string {
  return `${showNumber(count)} ${noun}${count === 1 ? '' : 's'}`
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

/** `1.8 s`, `3 min 5 s`. */
export function showSeconds(durationMs: number): string {
  if (durationMs < 59_950) return `${(durationMs / 1000).toFixed(1)} s`
  const seconds = Math.round(durationMs / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
