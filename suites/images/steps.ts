// The plugin's image as a docker runner starts it: a step's whole environment, a workspace on a volume, a
// bridge network, and the users and restrictions that pipelines and clusters put on it.
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { runProgram, type Finished } from '../../src/demo/program.ts'
import { fetchToken } from '../../src/demo/step.ts'
import { compareTrees, makeTree, measureTree } from '../../src/demo/tree.ts'
import { pushBuild, stepEnvironment } from '../../src/lab/drone.ts'
import type { ImagesLab } from './lab.ts'
import type { ImagesScene } from './written.ts'

const startCeilingSeconds = 3
const rounds = 5

// Node runs this before the entrypoint; it tells what the process took at most, in KiB.
const tellMemory =
  "--import=data:text/javascript,process.on('exit',()=>console.error('maxrss',process.resourceUsage().maxRSS))"

/** One way to start a step: with these variables, in this workspace, which `owner` may write to. */
export type Way = {
  name: string
  owner: number
  /** Without it the step is to trust the list of certificates that it finds. */
  caFile: string | undefined
  /** What it may take at most, where that can be told. */
  ceilingMb: number | undefined
  start: (variables: Record<string, string>, workspace: string) => Promise<Finished>
}

const caFile = '/drone/ca/ca.pem'
const hardened = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges']

/** The image as pipelines and clusters start it; `folder` takes the file of variables. */
export function imageWays(
  { docker, folder }: Pick<ImagesScene, 'docker' | 'folder'>,
  image: string,
  lab: Pick<ImagesLab, 'folder'>,
): Way[] {
  const ca = join(lab.folder, 'ca')
  const way = (name: string, owner: number, ...options: string[]): Way => ({
    name,
    owner,
    caFile,
    ceilingMb: 200,
    start: (variables, workspace) => {
      const file = join(folder, 'step.env')
      const lines = Object.entries(variables).map(([key, value]) => `${key}=${value}\n`)
      writeFileSync(file, lines.join(''))
      const network = [`--network=${docker.network}`, '--workdir=/drone/src', `--env-file=${file}`]
      const mounts = [`--volume=${workspace}:/drone/src`, `--volume=${ca}:/drone/ca:ro`]
      return docker.run('run', '--rm', ...network, ...mounts, ...options, image)
    },
  })
  const list = `--volume=${join(ca, 'ca.pem')}:/etc/ssl/certs/ca-certificates.crt:ro`
  return [
    way('root', 0),
    way('user 1000:1000', 1000, '--user=1000:1000'),
    way('user 65534, read-only root, no capabilities', 65_534, '--user=65534', ...hardened),
    way('root, read-only root', 0, '--read-only'),
    {
      ...way('root, certificates mounted', 0, '--env=NODE_USE_SYSTEM_CA=1', list),
      caFile: undefined,
    },
  ]
}

/** A program of this machine, as exec runners start it. */
export function hostWay(
  name: string,
  command: readonly string[],
  lab: Pick<ImagesLab, 'folder'>,
): Way {
  return {
    name,
    owner: 0,
    caFile: join(lab.folder, 'ca/ca.pem'),
    // A process begins with what the one that started it had taken.
    ceilingMb: undefined,
    start: (variables, cwd) => {
      const PATH = `${dirname(process.execPath)}:${variables['PATH'] ?? ''}`
      return runProgram(command, { cwd, env: { ...variables, PATH } })
    },
  }
}

/** How fast a container of the image is there, and the code cache. */
export async function checkStart(
  { docker, check, note }: ImagesScene,
  image: string,
): Promise<void> {
  const seconds: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const help = await docker.run('run', '--rm', '--network', 'none', image, '--help')
    check(help.exitCode === 0 && help.output.includes('account'), `--help: ${help.output}`)
    seconds.push(help.seconds)
  }
  const best = Math.min(...seconds)
  check(best < startCeilingSeconds, `docker run --help took ${best} seconds`)
  const look = `
    const { readFileSync } = require('node:fs')
    const source = '(function (module) {' + readFileSync('/app/plugin-step.cjs', 'latin1') + '\\n})'
    const cachedData = readFileSync('/app/plugin-step.cache')
    console.log('rejected', new (require('node:vm').Script)(source, { cachedData }).cachedDataRejected)`
  const cache = await docker.must('run', '--rm', '--entrypoint', '/usr/bin/node', image, '-e', look)
  check(cache === 'rejected false', `the image's Node takes its code cache: ${cache}`)
  // A home that cannot be written to is no matter.
  const bare = [
    '--network=none',
    '--user=1000:1000',
    '--env=HOME=/root',
    `--env=NODE_OPTIONS=${tellMemory}`,
  ]
  const empty = await docker.run('run', '--rm', ...bare, image)
  check(
    empty.exitCode === 2 && empty.output.includes('`account` is missing'),
    `a step without settings is told so: ${empty.output}`,
  )
  note(
    `plugin: docker run --help ${best.toFixed(2)} s at best, ${readMemory(empty.output).toFixed(0)} MB without a transfer`,
  )
}

/** A tree up and down in these ways, each in a build of its own; builds are counted from `firstNumber`. */
export async function checkSteps(
  { folder, check, note }: Pick<ImagesScene, 'folder' | 'check' | 'note'>,
  lab: ImagesLab,
  ways: readonly Way[],
  firstNumber: number,
): Promise<void> {
  const source = join(folder, 'source')
  makeTree(source)
  const { files, bytes } = measureTree(source)
  for (const [index, way] of ways.entries()) {
    const number = firstNumber + index
    const build = pushBuild(lab.repository, { id: 3000 + number, number })
    await lab.drone.sendWebhook(lab.repository, build)
    const { token } = await fetchToken(lab, build)
    await lab.drone.sendWebhook(lab.repository, { ...build, status: 'running', version: 2 })
    const back = join(folder, `back-${number}`)
    mkdirSync(back)
    chownSync(back, way.owner, way.owner)
    const target = `${lab.repository.slug}/${number}`
    const step = (name: string, workspace: string, settings: Record<string, string>) => {
      const { ca_file: _, ...all } = lab.settings(token, settings)
      const trusted = { ...all, ...(way.caFile !== undefined && { ca_file: way.caFile }) }
      const variables = stepEnvironment(lab.repository, build, name, trusted)
      return way.start({ ...variables, NODE_OPTIONS: tellMemory }, workspace)
    }
    const up = await step('upload', source, {
      action: 'upload',
      source: '.',
      target,
      dotfiles: 'true',
    })
    check(up.exitCode === 0, `${way.name}: upload: ${up.output}`)
    const down = await step('download', back, {
      action: 'download',
      source: `${target}/`,
      target: '.',
      dotfiles: 'true',
    })
    check(down.exitCode === 0, `${way.name}: download: ${down.output}`)
    const differences = await compareTrees(source, back)
    check(differences.length === 0, `${way.name}: ${differences.slice(0, 3).join(', ')}`)
    const memory = Math.max(readMemory(up.output), readMemory(down.output))
    const { ceilingMb = Infinity } = way
    check(memory > 0 && memory < ceilingMb, `${way.name}: ${memory} MB`)
    const most = way.ceilingMb === undefined ? '' : `, ${memory.toFixed(0)} MB at most`
    const took = `up ${up.seconds.toFixed(1)} s, down ${down.seconds.toFixed(1)} s${most}`
    note(`${way.name}: ${files} files, ${(bytes / 1e6).toFixed(0)} MB: ${took}`)
  }
}

function readMemory(output: string): number {
  return (Number(/maxrss (\d+)/.exec(output)?.[1] ?? 0) * 1024) / 1e6
}
