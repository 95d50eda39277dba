// The engine on the blob remote over both transports, and killed at any moment.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { describe, it } from 'node:test'

import { createLeanHttp } from '../http/lean/lean.ts'
import { account, startFilesKit } from '../lab/files/files.fixture.ts'
import { openRemoteBench } from './blob/remote.fixture.ts'
import { runJob, toContent, toDownload, toUpload, withBench } from './engine.fixture.ts'
import { verifyJob } from './engine.ts'
import { openShare } from './files/remote.fixture.ts'

const mib = 1024 * 1024

describe('the engine on Blob Storage', () => {
  for (const transport of ['node:https', 'lean'] as const) {
    it(`sends a tree, finds it unchanged, and fetches it again, over ${transport}`, () =>
      withBench(async (bench) => {
        const lean = createLeanHttp({ maxConnections: 16 })
        const blob = await openRemoteBench(transport === 'lean' ? { send: lean.send } : {})
        try {
          const contents = new Map([
            ['big', toContent(20 * mib + 3)],
            ['whole', toContent(3 * mib)],
            ['empty', Buffer.alloc(0)],
            ...Array.from(
              { length: 40 },
              (_, i) => [`d${i % 3}/100% #${i}`, toContent(i * 500, i)] as const,
            ),
          ])
          for (const [name, content] of contents) bench.write(`from/${name}`, content)
          const deps = () => ({ ...bench.again(), remote: blob.remote })
          const up = toUpload(bench.path('from'), {
            overwrite: 'changed',
            target: 'x',
            preserve: true,
          })
          const sent = await runJob(deps(), up)
          assert.deepEqual(sent.failures, [])
          assert.equal(sent.counts.send, contents.size)
          const again = await runJob(deps(), up)
          assert.equal(again.counts.send, 0)
          assert.equal(again.bytes, 0)
          const down = toDownload(bench.path('to'), { select: { sources: ['x'] }, preserve: true })
          assert.deepEqual((await runJob(deps(), down)).failures, [])
          for (const [name, content] of contents)
            assert.ok(bench.read(`to/${name}`).equals(content), name)
          const kept = await runJob(deps(), { ...down, overwrite: 'changed' })
          assert.equal(kept.counts.keep, contents.size)
        } finally {
          await blob.close()
          lean.close()
        }
      }))
  }
})

describe('the engine on a file share', () => {
  it('sends a tree, finds it unchanged, fetches it again, verifies and empties it', () =>
    withBench(async (bench) => {
      const kit = await startFilesKit()
      kit.assign('Storage File Data Privileged Contributor')
      kit.files.createShare(account, 'share')
      const service = {
        origin: new URL(kit.files.url),
        pathPrefix: `/${account}`,
        caPem: kit.entraKit.authority.caPem,
        token: await kit.exchange(),
        now: () => kit.entraKit.time,
      }
      const share = openShare(service, 'share')
      try {
        const contents = new Map([
          ['big', toContent(9 * mib + 3)],
          ['empty', Buffer.alloc(0)],
          ...Array.from(
            { length: 12 },
            (_, i) => [`d/e${i % 3}/${i}.txt`, toContent(i * 500, i)] as const,
          ),
        ])
        for (const [name, content] of contents) bench.write(`from/${name}`, content)
        symlinkSync('e1/1.txt', bench.path('from/d/l'))
        const deps = () => ({ ...bench.again(), remote: share.remote })
        const rules = [{ match: ['*.txt'], set: {}, compress: 'gzip' as const }]
        const select = { symlinks: 'keep' as const }
        const up = toUpload(bench.path('from'), {
          overwrite: 'changed',
          target: 'x',
          rules,
          select,
        })
        const sent = await runJob(deps(), up)
        assert.deepEqual(sent.failures, [])
        assert.equal(sent.counts.send, contents.size)
        const again = await runJob(deps(), up)
        assert.deepEqual([again.counts.keep, again.counts.send], [contents.size + 1, 0])
        const down = toDownload(bench.path('to'), { select: { sources: ['x'] } })
        assert.deepEqual((await runJob(deps(), down)).failures, [])
        for (const [name, content] of contents) {
          assert.ok(bench.read(`to/${name}`).equals(content), name)
        }
        assert.equal(readlinkSync(bench.path('to/d/l')), 'e1/1.txt')
        const kept = await runJob(deps(), { ...down, overwrite: 'changed' })
        assert.equal(kept.counts.fetch, 0)
        const naming = { target: '', stripPrefix: '', flatten: false }
        const verified = await verifyJob(deps(), { action: 'verify', select: down.select, naming })
        assert.deepEqual([verified.unproven, verified.failures], [[], []])
        rmSync(bench.path('from/d'), { recursive: true })
        const emptied = await runJob(deps(), { ...up, deletes: true })
        assert.deepEqual(emptied.failures, [])
        const left: string[] = []
        for await (const page of share.remote.list('')) left.push(...page.map(({ name }) => name))
        assert.deepEqual(left.toSorted(), ['x', 'x/big', 'x/empty'])
      } finally {
        share.close()
        await kit.close()
      }
    }))
})

describe('a download that is killed', () => {
  it('shows the old file or the new one, and is finished by the next run', () =>
    withBench(async (bench) => {
      const blob = await openRemoteBench()
      try {
        const content = toContent(40 * mib)
        bench.write('up/big', content)
        const remote = { ...bench.again(), remote: blob.remote }
        await runJob(remote, toUpload(bench.path('up')))
        const module = new URL('engine-child.fixture.ts', import.meta.url).href
        const [origin, folder] = [blob.store.origin.href, bench.path('to')].map((each) =>
          JSON.stringify(each),
        )
        const program = `import { downloadAll } from ${JSON.stringify(module)}
          await downloadAll(${origin}, ${folder})`
        bench.write('to/big', 'old')
        for (let killAfter = 1; killAfter <= 5; killAfter++) {
          let reads = 0
          const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
            stdio: 'inherit',
          })
          const ended = new Promise((resolve) => child.once('exit', resolve))
          blob.store.spoil = (line) => {
            if (line.startsWith('GET /ccc/big') && ++reads === killAfter) child.kill('SIGKILL')
            return undefined
          }
          await ended
          const shown = bench.read('to/big')
          assert.ok(shown.equals(content) || shown.toString() === 'old')
        }
        blob.store.spoil = () => undefined
        const outcome = await runJob({ ...remote, pid: 999_999_999 }, toDownload(bench.path('to')))
        assert.deepEqual(outcome.failures, [])
        assert.ok(bench.read('to/big').equals(content))
        assert.deepEqual(
          bench.tree().filter((name) => name.includes('.part-')),
          [],
        )
      } finally {
        await blob.close()
      }
    }))
})
