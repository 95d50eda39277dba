// A Docker daemon for the suite: the one that answers already, or one of our own that leaves nothing
// behind. Its containers are reached over loopback and one bridge network.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { runProgram, type Finished } from '../../src/demo/program.ts'

/** A daemon that answers, and the network of the suite's containers. */
export type Docker = {
  /** What `DOCKER_HOST` has to be for it. */
  host: string
  /** Runs `docker …` to its end. */
  run: (...args: string[]) => Promise<Finished>
  /** The same; rejects with what it said when it fails, and gives its output without the last newline. */
  must: (...args: string[]) => Promise<string>
  network: string
  /** The address of this machine in that network. */
  gateway: string
  close: () => Promise<void>
}

const readySeconds = 60
const network = `asd-images-${process.pid}`

/** Finds or starts a daemon; a sentence says why there is none. */
export async function openDocker(folder: string): Promise<Docker | string> {
  const given = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock'
  const daemon = (await answers(given))
    ? { host: given, stop: () => Promise.resolve() }
    : await startDaemon(folder)
  if (typeof daemon === 'string') return daemon
  const run = (...args: string[]) => docker(daemon.host, args)
  const must = async (...args: string[]) => {
    const { exitCode, output } = await run(...args)
    if (exitCode !== 0) throw new Error(`docker ${args.slice(0, 3).join(' ')}: ${output}`)
    return output.trimEnd()
  }
  try {
    await must('network', 'create', network)
    const format = '{{(index .IPAM.Config 0).Gateway}}'
    const gateway = await must('network', 'inspect', '--format', format, network)
    const close = async () => {
      await run('network', 'rm', network)
      await daemon.stop()
    }
    return { host: daemon.host, run, must, network, gateway, close }
  } catch (error) {
    await daemon.stop()
    throw error
  }
}

function docker(host: string, args: readonly string[]): Promise<Finished> {
  const { PATH = '', HOME = '/' } = process.env
  // The builder that needs no plugin of the command line.
  const env = { PATH, HOME, DOCKER_HOST: host, DOCKER_BUILDKIT: '0' }
  return runProgram(['docker', ...args], { cwd: process.cwd(), env })
}

async function answers(host: string): Promise<boolean> {
  try {
    return (await docker(host, ['version', '--format', '{{.Server.Version}}'])).exitCode === 0
  } catch {
    // There is no `docker` at all.
    return false
  }
}

type Daemon = { host: string; stop: () => Promise<void> }

// No default bridge and no packet filter: other daemons of this machine keep theirs.
async function startDaemon(folder: string): Promise<Daemon | string> {
  mkdirSync(folder, { recursive: true })
  const at = (name: string) => join(folder, name)
  const host = `unix://${at('docker.sock')}`
  const places = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')]
  const ways = ['--bridge', 'none', '--iptables=false', '--ip-masq=false']
  const log = openSync(at('log'), 'w')
  const child = spawn('dockerd', ['--host', host, ...places, ...ways], {
    stdio: ['ignore', log, log],
  })
  const killWithUs = () => child.kill('SIGTERM')
  process.once('exit', killWithUs)
  const failure: { why?: string } = {}
  child.once('error', (error) => (failure.why = error.message))
  const ended = once(child, 'exit').catch(() => undefined)
  const hasEnded = () =>
    failure.why !== undefined || child.exitCode !== null || child.signalCode !== null
  const stop = async () => {
    process.off('exit', killWithUs)
    if (!hasEnded()) child.kill('SIGTERM')
    if (failure.why === undefined) await ended
    unmountBelow(folder)
  }
  const deadline = Date.now() + readySeconds * 1000
  while (!hasEnded() && Date.now() < deadline) {
    if (await answers(host)) return { host, stop }
    await sleep(200)
  }
  const said = failure.why ?? readFileSync(at('log'), 'utf8').trim().split('\n').at(-1)
  await stop()
  return `no Docker daemon answers, and none could be started: ${said}`
}

function unmountBelow(folder: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
  const below = mounts
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
  for (const path of below.toReversed()) execFileSync('umount', ['--lazy', path])
}
