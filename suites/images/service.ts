// The service's image with its state on a volume: healthy, stopped and started again, with the same keys
// and the same ledger.
import { request } from 'node:https'

import type { ImagesLab } from './lab.ts'
import type { ImagesScene } from './written.ts'

const stopCeilingSeconds = 5
const memoryCeilingMb = 250

/** Stops and starts the service of a lab that has been used. */
export async function checkRestart(
  { docker, check, note }: ImagesScene,
  lab: ImagesLab,
): Promise<void> {
  const { container } = lab
  const keysBefore = await readKeyIds(lab)
  check(keysBefore.length > 0, 'the public door has keys')
  const usage = await docker.must('stats', '--no-stream', '--format', '{{.MemUsage}}', container)
  const memory = Number(/^([\d.]+)MiB/.exec(usage)?.[1] ?? 0)
  check(memory > 0 && memory < memoryCeilingMb, `the service takes ${usage}`)
  const stopped = await docker.run('stop', '--time', '20', container)
  check(
    stopped.exitCode === 0 && stopped.seconds < stopCeilingSeconds,
    `SIGTERM: ${stopped.seconds} seconds`,
  )
  const state = await docker.must(
    'inspect',
    '--format',
    '{{.State.ExitCode}} {{.State.OOMKilled}}',
    container,
  )
  check(state === '0 false', `the service ends with ${state}`)
  const logBefore = await docker.must('logs', container)
  check(logBefore.includes('"msg":"stopping"'), 'the service says that it stops')
  await docker.must('start', container)
  const seconds = await lab.waitUntilHealthy()
  const keysAfter = await readKeyIds(lab)
  check(
    keysAfter.join(' ') === keysBefore.join(' '),
    `keys: ${keysBefore.join(' ')} and ${keysAfter.join(' ')}`,
  )
  const records = ledgerRecords(await docker.must('logs', container))
  const [atFirst = -1, atLast = -1] = records
  check(
    records.length === 2 && atFirst === 0 && atLast > 0,
    `ledger records at start: ${records.join(', ')}`,
  )
  const parts = [`${memory.toFixed(0)} MiB`, `stops in ${stopped.seconds.toFixed(2)} s`]
  note(
    `service: ${parts.join(', ')}, healthy ${seconds.toFixed(1)} s after the start, ${atLast} records kept`,
  )
}

/** The service as people run it by hand, and what it refuses. */
export async function checkCommands({ docker, check }: ImagesScene, image: string): Promise<void> {
  const version = await docker.run(
    'run',
    '--rm',
    '--network',
    'none',
    '--read-only',
    image,
    '--version',
  )
  check(/^\d+\.\d+\.\d+\n$/.test(version.output), `--version: ${version.output}`)
  const bare = await docker.run('run', '--rm', '--network', 'none', image)
  const isTold = bare.output.includes('/etc/azure-storage-drone/service.yaml')
  check(bare.exitCode !== 0 && isTold, `without a configuration: ${bare.output}`)
  const shell = await docker.run('run', '--rm', '--entrypoint', '/bin/sh', image, '-c', 'true')
  check(shell.exitCode === 127, `there is no shell: ${shell.output}`)
}

function ledgerRecords(log: string): number[] {
  return [...log.matchAll(/"ledgerRecords":(\d+)/g)].map(([, count]) => Number(count))
}

async function readKeyIds({ issuer, authority }: ImagesLab): Promise<string[]> {
  const text = await new Promise<string>((resolve, reject) => {
    const url = `${issuer}/.well-known/jwks.json`
    const call = request(url, { ca: authority.caPem, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve(body))
    })
    call.on('error', reject)
    call.end()
  })
  const { keys } = JSON.parse(text) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid)
}
