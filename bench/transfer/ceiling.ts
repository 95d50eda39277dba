// Shows that the sink is not the bottleneck: a client in C that only encrypts (openssl's own s_time
// would only handshake) moves bytes through it faster than any tool that is measured here.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

import type { Bench } from './contest.ts'
import { startSink } from './sink.ts'

const bytes = 2 * 1024 ** 3

/** Rows with what curl moves: one connection up and down, no checksums, nothing kept. */
export async function measureCeiling({
  workshop,
  data,
}: Bench): Promise<Record<string, string | number>[]> {
  const sink = await startSink(workshop, {
    families: [{ prefix: '/acct/bench/big/', count: 1, sizeBytes: bytes }],
  })
  const common = ['-s', '-o', '/dev/null', '--cacert', workshop.certFile, '-w', '%{time_total}']
  try {
    return [
      {
        who: 'curl up, one connection',
        args: ['-T', join(data, 'big/f000000'), `${sink.origin}/acct/bench/x`],
      },
      { who: 'curl down, one connection', args: [`${sink.origin}/acct/bench/big/f000000`] },
    ].map(({ who, args }) => {
      const seconds = Number(execFileSync('curl', [...common, ...args]).toString())
      return {
        case: 'ceiling of the sink',
        who,
        wallSeconds: seconds,
        'MB/s': Math.round(bytes / 1e6 / seconds),
      }
    })
  } finally {
    await sink.stop()
  }
}
