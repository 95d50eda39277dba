// How far a transfer is: a line every few seconds in a log, one redrawn bar on a terminal.
import type { Sleep } from '../azure/retry.ts'
import type { Clock } from '../core/time.ts'
import { type Log, showBytes, showCount, showNumber, showSeconds } from './report.ts'

/** A terminal: its width in columns now, and raw output. */
export type Screen = { columns: () => number; write: (text: string) => void }

/** What showing progress needs; without a screen lines go to the log. */
export type ProgressDeps = { now: Clock; sleep: Sleep; log: Log; screen?: Screen | undefined }

/** Bytes and files, of what is done or of everything. */
export type Amount = { bytes: number; files: number }

/** Takes what is done, until it is closed. */
export type Progress = {
  addBytes: (count: number) => void
  addFile: () => void
  close: () => void
}

const everyMs = { line: 5_000, bar: 200 }
// The rate is that of the last samples: a bar forgets a slow start sooner than a transfer ends.
const samplesKept = 25

type Sample = { atMs: number; bytes: number }

/** Shows progress toward `whole`, if it is known, until it is closed; `none` shows nothing. */
export function startProgress(
  deps: ProgressDeps,
  whole: Amount | undefined,
  mode: 'auto' | 'none',
): Progress {
  const { screen } = deps
  const done = { bytes: 0, files: 0 }
  const samples: Sample[] = [{ atMs: deps.now().getTime(), bytes: 0 }]
  const ended = new AbortController()
  const show = () => {
    const state = measure(done, whole, samples, deps.now().getTime())
    if (screen) screen.write(`\r${barText(state, screen.columns())}\u001b[K`)
    else deps.log(progressLine(state))
  }
  const loop = async () => {
    for (;;) {
      await deps.sleep(screen ? everyMs.bar : everyMs.line, ended.signal)
      if (ended.signal.aborted) return
      show()
    }
  }
  if (mode === 'auto') void loop()
  return {
    addBytes: (count) => {
      done.bytes += count
    },
    addFile: () => {
      done.files += 1
    },
    close: () => {
      ended.abort()
      if (mode === 'auto') screen?.write('\r\u001b[K')
    },
  }
}

/** Where a transfer stands. */
export type State = {
  done: Amount
  /** Undefined when nobody knows. */
  whole?: Amount
  /** 0 to 1. */
  share: number
  bytesPerSecond: number
  /** Undefined while nobody can know. */
  leftMs?: number
}

/** `12.3 MB of 52.3 MB (23 %), 120 of 1,204 files, 29.1 MB/s, 1.4 s left`. */
export function progressLine({ done, whole, share, bytesPerSecond, leftMs }: State): string {
  const rate = `${showBytes(bytesPerSecond)}/s`
  if (!whole) return `${showBytes(done.bytes)} so far, ${rate}`
  const files = `${showNumber(done.files)} of ${showCount(whole.files, 'file')}`
  const left = leftMs === undefined ? '' : `, ${showSeconds(leftMs)} left`
  return `${showBytes(done.bytes)} of ${showBytes(whole.bytes)} (${Math.floor(share * 100)} %), ${files}, ${rate}${left}`
}

/** A bar that fits into so many columns. */
export function barText(state: State, columns: number): string {
  const text = progressLine(state)
  const width = state.whole ? Math.min(30, columns - text.length - 4) : 0
  if (width < 5) return text.slice(0, Math.max(0, columns - 1))
  const full = Math.floor(state.share * width)
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${text}`
}

/** Computes rate and rest; adds a sample, and keeps the last ones. */
export function measure(
  done: Amount,
  whole: Amount | undefined,
  samples: Sample[],
  nowMs: number,
): State {
  samples.push({ atMs: nowMs, bytes: done.bytes })
  if (samples.length > samplesKept) samples.shift()
  const [first = { atMs: nowMs, bytes: 0 }] = samples
  const elapsedMs = nowMs - first.atMs
  const bytesPerSecond = elapsedMs > 0 ? ((done.bytes - first.bytes) * 1000) / elapsedMs : 0
  if (whole === undefined) return { done: { ...done }, share: 0, bytesPerSecond }
  // A range that was fetched twice must not look like more than everything.
  const bytes = Math.min(done.bytes, whole.bytes)
  const files = Math.min(done.files, whole.files)
  const share = whole.bytes > 0 ? bytes / whole.bytes : whole.files > 0 ? files / whole.files : 1
  return {
    done: { bytes, files },
    whole,
    share,
    bytesPerSecond,
    ...(bytesPerSecond > 0 && { leftMs: ((whole.bytes - bytes) * 1000) / bytesPerSecond }),
  }
}
