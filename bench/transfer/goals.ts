// What the engine is held to: ratios of medians from one run, and peak memory.
import type { Result } from './race.ts'

/** One goal of one case; exactly one of `least` and `most` is there. */
export type Goal = {
  case: string
  says: string
  value: (results: readonly Result[]) => number
  least?: number
  most?: number
}

const find = (results: readonly Result[], who: string) => results.find((each) => each.who === who)

// How many times as long the peer takes.
const faster = (caseName: string, who: string, least: number): Goal => ({
  case: caseName,
  says: `times as fast as ${who}`,
  value: (results) =>
    (find(results, who)?.wallSeconds ?? Number.NaN) / (find(results, 'ours')?.wallSeconds ?? 0),
  least,
})

const memory = (caseName: string, most: number): Goal => ({
  case: caseName,
  says: 'peak memory, MiB',
  value: (results) => find(results, 'ours')?.peakMiB ?? Number.NaN,
  most,
})

// The share of a link of 125 MB/s that was used.
const link = (caseName: string, bytes: number): Goal => ({
  case: caseName,
  says: 'share of the link',
  value: (results) => bytes / 125e6 / (find(results, 'ours')?.wallSeconds ?? Number.NaN),
  least: 0.95,
})

const gib2 = 2 * 1024 ** 3

/** All goals. */
export const goals: readonly Goal[] = [
  {
    case: 'one 16 KiB file',
    says: 'times the start of bare Node',
    value: (results) =>
      (find(results, 'ours')?.wallSeconds ?? Number.NaN) /
      (find(results, 'node')?.wallSeconds ?? 0),
    most: 2.5,
  },
  faster('one 16 KiB file', 'azcopy', 10),
  faster('one 16 KiB file', 'rclone', 1),
  memory('one 16 KiB file', 70),
  ...['off', 'on'].flatMap((integrity) => [
    faster(`2 GiB up, integrity ${integrity}`, 'azcopy', 2),
    faster(`2 GiB up, integrity ${integrity}`, 'rclone', 2),
    memory(`2 GiB up, integrity ${integrity}`, 200),
    faster(`2 GiB down, integrity ${integrity}`, 'azcopy', 1.5),
    faster(`2 GiB down, integrity ${integrity}`, 'rclone', 1),
    memory(`2 GiB down, integrity ${integrity}`, 200),
  ]),
  {
    case: '2 GiB up, integrity off',
    says: 'CPU of AzCopy',
    value: (results) =>
      (find(results, 'ours')?.cpuSeconds ?? Number.NaN) /
      (find(results, 'azcopy')?.cpuSeconds ?? 0),
    most: 0.7,
  },
  ...['up', 'down'].flatMap((way) => [
    faster(`5,000 x 16 KiB ${way}`, 'azcopy', 4),
    faster(`5,000 x 16 KiB ${way}`, 'rclone', way === 'up' ? 2 : 1.5),
    faster(`5,000 x 16 KiB ${way}`, 'sdk', 4),
    memory(`5,000 x 16 KiB ${way}`, 120),
  ]),
  faster('no-change sync of 20,000', 'azcopy', 2),
  faster('no-change sync of 20,000', 'rclone', 2),
  ...['up', 'down'].flatMap((way) => [
    faster(`2 GiB ${way}, 15 ms, 60 MB/s a connection`, 'azcopy', 2.5),
    faster(`2 GiB ${way}, 15 ms, 60 MB/s a connection`, 'rclone', 2.5),
  ]),
  faster('5,000 x 16 KiB up, 20 ms', 'azcopy', 9),
  faster('5,000 x 16 KiB up, 20 ms', 'rclone', 9),
  faster('5,000 x 16 KiB up, 20 ms', 'rclone --transfers 128', 2),
  faster('5,000 x 16 KiB to Files, 20 ms', 'azcopy', 8),
  link('2 GiB up, 20 ms, 1 Gbit/s', gib2),
  link('5,000 x 64 KiB up, 20 ms, 1 Gbit/s', 5_000 * 65_536),
  faster('listing 100,000 blobs', 'sdk', 5),
  faster('listing 100,000 blobs', 'rclone', 3),
  memory('listing 100,000 blobs', 80),
]
