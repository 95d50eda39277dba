// The cases of the speed table: what is moved, over which link, by whom.
import { join } from 'node:path'

import {
  type Bench,
  big,
  bigDown,
  bigUp,
  contest,
  folderUp,
  sdk,
  small,
  smallDown,
} from './contest.ts'
import type { Command } from './measure.ts'
import { azcopyEnv, azcopyFor, ours, oursFor, rcloneRemote, type Transfer } from './peers.ts'
import type { Runner } from './race.ts'
import { type Sink, type SinkOptions, startSink, type Workshop } from './sink.ts'

/** One case: its sink, and who runs on it. */
export type Case = {
  name: string
  sink: SinkOptions
  runners: (bench: Bench, sink: Sink) => Runner[]
  /** Done once before the first run, outside of the time. */
  prepare?: (bench: Bench, sink: Sink) => Command[]
}

/** All cases in the order of the goals. */
export const cases: readonly Case[] = [
  {
    name: 'one 16 KiB file',
    sink: {},
    runners: (bench, sink) => [
      { command: { who: 'node', program: process.execPath, args: ['-e', '0'] }, rounds: 9 },
      ...contest(
        () => ({
          way: 'up',
          local: join(bench.data, 'one/f000000'),
          container: 'bench',
          path: 'x/f000000',
          one: true,
        }),
        {
          oursRounds: 9,
          azcopy: { rounds: 3 },
          rclone: [{ rounds: 9, flags: ['--no-check-dest'] }],
        },
      )(bench, sink),
    ],
  },
  {
    name: '2 GiB up, integrity off',
    sink: {},
    runners: contest(bigUp, {
      ours: { integrity: 'none' },
      azcopy: {},
      rclone: [
        {
          flags: [
            '--no-check-dest',
            '--azureblob-disable-checksum',
            '--azureblob-chunk-size',
            '8M',
          ],
        },
      ],
    }),
  },
  {
    name: '2 GiB up, integrity on',
    sink: {},
    runners: contest(bigUp, {
      azcopy: { flags: ['--put-md5'] },
      rclone: [{ flags: ['--no-check-dest', '--azureblob-chunk-size', '8M'] }],
    }),
  },
  {
    name: '2 GiB down, integrity off',
    sink: { families: [big] },
    runners: contest(bigDown, {
      ours: { integrity: 'none' },
      azcopy: { flags: ['--check-md5', 'NoCheck'] },
      rclone: [{ flags: ['--ignore-checksum'] }],
    }),
  },
  {
    name: '2 GiB down, integrity on',
    sink: { families: [big] },
    runners: contest(bigDown, { azcopy: {}, rclone: [{}] }),
  },
  {
    name: '5,000 x 16 KiB up',
    sink: {},
    runners: (bench, sink) => [
      ...contest(folderUp('small'), {
        azcopy: {},
        rclone: [{ flags: ['--no-check-dest', '--transfers', '32'] }],
      })(bench, sink),
      sdk('up', bench, sink.origin, ['up/sdk', join(bench.data, 'small')]),
    ],
  },
  {
    name: '5,000 x 16 KiB down',
    sink: { families: [small] },
    runners: (bench, sink) => [
      ...contest(smallDown, { azcopy: {}, rclone: [{ flags: ['--transfers', '32'] }] })(
        bench,
        sink,
      ),
      sdk('down', bench, sink.origin, ['small/', join(bench.data, 'out')]),
    ],
  },
  {
    name: 'no-change sync of 20,000',
    sink: {},
    prepare: ({ workshop, peers, data }, { origin }) => {
      const local = join(data, 'many')
      const transfer: Transfer = { way: 'up', local, container: 'peer', path: 'm', one: false }
      return [
        oursFor(workshop, origin, { ...transfer, container: 'ours' }),
        azcopyFor(workshop, peers, origin, transfer, ['--put-md5']),
      ]
    },
    runners: ({ workshop, peers, data }, { origin }) => {
      const local = join(data, 'many')
      return [
        {
          command: ours(workshop, origin, {
            action: 'sync',
            container: 'ours',
            source: local,
            target: 'm',
          }),
          rounds: 3,
        },
        {
          command: {
            who: 'azcopy',
            program: peers.azcopy,
            args: [
              'sync',
              local,
              `${origin}/acct/peer/m?sv=2022-11-02&sig=bench`,
              '--from-to',
              'LocalBlob',
              '--compare-hash',
              'MD5',
              '--local-hash-storage-mode',
              'HiddenFiles',
              '--hash-meta-dir',
              join(workshop.folder, 'hashes'),
              '--log-level',
              'NONE',
            ],
            env: azcopyEnv(workshop.folder, workshop.certFile),
          },
          rounds: 2,
        },
        {
          command: {
            who: 'rclone',
            program: peers.rclone,
            args: [
              'sync',
              local,
              `${rcloneRemote(origin, 'peer')}peer/m`,
              '--checksum',
              '--ca-cert',
              workshop.certFile,
              '--config',
              '/dev/null',
              '-q',
            ],
            env: { HOME: workshop.folder },
          },
          rounds: 2,
        },
      ]
    },
  },
  {
    name: '2 GiB up, 15 ms, 60 MB/s a connection',
    sink: { latencyMs: 15, connectionMBps: 60 },
    runners: contest(bigUp, { azcopy: { rounds: 2 }, rclone: [{ rounds: 2 }] }),
  },
  {
    name: '2 GiB down, 15 ms, 60 MB/s a connection',
    sink: { latencyMs: 15, connectionMBps: 60, families: [big] },
    runners: contest(bigDown, { azcopy: { rounds: 2 }, rclone: [{ rounds: 2 }] }),
  },
  {
    name: '5,000 x 16 KiB up, 20 ms',
    sink: { latencyMs: 20 },
    runners: contest(folderUp('small'), {
      azcopy: { rounds: 1 },
      rclone: [
        { rounds: 1 },
        {
          rounds: 2,
          as: 'rclone --transfers 128',
          flags: ['--transfers', '128', '--checkers', '128'],
        },
      ],
    }),
  },
  {
    name: '5,000 x 16 KiB to Files, 20 ms',
    sink: { latencyMs: 20 },
    runners: ({ workshop, peers, data }, { origin }) => [
      {
        command: ours(workshop, origin, {
          action: 'upload',
          share: 'bench',
          source: join(data, 'small'),
          target: 'up',
        }),
        rounds: 3,
      },
      {
        command: {
          who: 'azcopy',
          program: peers.azcopy,
          args: [
            'copy',
            `${join(data, 'small')}/*`,
            `${origin}/acct/bench/up?sv=2022-11-02&ss=f&sig=bench`,
            '--from-to',
            'LocalFile',
            '--recursive',
            '--log-level',
            'NONE',
          ],
          env: azcopyEnv(workshop.folder, workshop.certFile),
        },
        rounds: 1,
      },
    ],
  },
  {
    name: '2 GiB up, 20 ms, 1 Gbit/s',
    sink: { latencyMs: 20, totalMBps: 125 },
    runners: contest(bigUp, { oursRounds: 1 }),
  },
  {
    name: '5,000 x 64 KiB up, 20 ms, 1 Gbit/s',
    sink: { latencyMs: 20, totalMBps: 125 },
    runners: contest(folderUp('medium'), {}),
  },
  {
    name: 'listing 100,000 blobs',
    sink: { families: [{ prefix: '/acct/bench/list/', count: 100_000, sizeBytes: 1 }] },
    runners: (bench, { origin }) => [
      {
        command: ours(bench.workshop, origin, {
          action: 'list',
          container: 'bench',
          source: 'list',
        }),
        rounds: 3,
      },
      sdk('list', bench, origin, ['list/']),
      {
        command: {
          who: 'rclone',
          program: bench.peers.rclone,
          args: [
            'lsf',
            '-R',
            `${rcloneRemote(origin, 'bench')}bench/list`,
            '--ca-cert',
            bench.workshop.certFile,
            '--config',
            '/dev/null',
          ],
          env: { HOME: bench.workshop.folder },
        },
        rounds: 3,
      },
    ],
  },
]

/** Starts the sink of a case. */
export function startCase(workshop: Workshop, { sink }: Case): Promise<Sink> {
  return startSink(workshop, sink)
}
