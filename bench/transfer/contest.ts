// The data of the cases, and the usual contest: ours against AzCopy and rclone for one transfer.
import { rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Command } from './measure.ts'
import { azcopyFor, oursFor, type Peers, rcloneFor, type Transfer } from './peers.ts'
import type { Runner } from './race.ts'
import { makeFiles, type Sink, type Workshop } from './sink.ts'

/** What a case needs. */
export type Bench = { workshop: Workshop; peers: Peers; data: string }

const gib = 1024 ** 3
/** One blob of 2 GiB. */
export const big = { prefix: '/acct/bench/big/', count: 1, sizeBytes: 2 * gib }
/** 5,000 blobs of 16 KiB. */
export const small = { prefix: '/acct/bench/small/', count: 5_000, sizeBytes: 16 * 1024 }
const medium = { prefix: '/acct/bench/medium/', count: 5_000, sizeBytes: 64 * 1024 }

/** The 2 GiB file up. */
export const bigUp = ({ data }: Bench): Transfer => ({
  way: 'up',
  local: join(data, 'big/f000000'),
  container: 'bench',
  path: 'up/f000000',
  one: true,
})
/** The 2 GiB blob down. */
export const bigDown = ({ data }: Bench): Transfer => ({
  way: 'down',
  local: join(data, 'out'),
  container: 'bench',
  path: 'big/f000000',
  one: true,
})
/** A folder of the shared data up. */
export const folderUp =
  (name: string) =>
  ({ data }: Bench): Transfer => ({
    way: 'up',
    local: join(data, name),
    container: 'bench',
    path: `up/${name}`,
    one: false,
  })
/** 5,000 small blobs down. */
export const smallDown = ({ data }: Bench): Transfer => ({
  way: 'down',
  local: join(data, 'out'),
  container: 'bench',
  path: 'small',
  one: false,
})

/** Files that all cases share, made once. */
export function makeData(data: string): void {
  makeFiles(join(data, 'one'), { count: 1, sizeBytes: 16 * 1024 })
  makeFiles(join(data, 'big'), big)
  makeFiles(join(data, 'small'), small)
  makeFiles(join(data, 'medium'), medium)
  makeFiles(join(data, 'many'), { count: 20_000, sizeBytes: 4 * 1024 })
}

type Peer = { flags?: readonly string[]; rounds?: number; as?: string }

/** Ours against AzCopy and rclone for one transfer; what came down is removed before each run. */
export function contest(
  transferOf: (bench: Bench) => Transfer,
  given: {
    ours?: Record<string, string>
    oursRounds?: number
    azcopy?: Peer
    rclone?: readonly Peer[]
  },
) {
  return (bench: Bench, { origin }: Sink): Runner[] => {
    const { workshop, peers, data } = bench
    const transfer = transferOf(bench)
    const clear = () => rmSync(join(data, 'out'), { recursive: true, force: true })
    const runner = (command: Command, { rounds = 3, as }: Peer): Runner => ({
      command,
      rounds,
      clear,
      ...(as !== undefined && { as }),
    })
    return [
      runner(oursFor(workshop, origin, transfer, given.ours), { rounds: given.oursRounds ?? 3 }),
      ...(given.azcopy
        ? [runner(azcopyFor(workshop, peers, origin, transfer, given.azcopy.flags), given.azcopy)]
        : []),
      ...(given.rclone ?? []).map((peer) =>
        runner(rcloneFor(workshop, peers, origin, transfer, peer.flags), peer),
      ),
    ]
  }
}

/** The SDK as a runner. */
export const sdk = (
  way: string,
  bench: Bench,
  origin: string,
  args: readonly string[],
): Runner => ({
  command: {
    who: 'sdk',
    program: process.execPath,
    args: [join(import.meta.dirname, 'sdk.mjs'), way, origin, 'bench', ...args],
    env: { NODE_EXTRA_CA_CERTS: bench.workshop.certFile },
  },
  rounds: 2,
  clear: () => rmSync(join(bench.data, 'out'), { recursive: true, force: true }),
})
