// Both images written twice, and built by Docker of the same archives: the bytes, the sizes, what is inside.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { runProgram } from '../../src/demo/program.ts'
import type { Docker } from './daemon.ts'
import { listFiles, type InsideFile } from './files.ts'

/** What a part of the suite works with. */
export type ImagesScene = {
  docker: Docker
  /** The part's own, not there yet. */
  folder: string
  check: (holds: boolean, sentence: string) => void
  note: (text: string) => void
}

/** The kinds of image, and what registries may send of them at most, in bytes. */
export const ceilings = { plugin: 45_000_000, service: 46_000_000 } as const

type Kind = keyof typeof ceilings
type Written = {
  output: string
  name: string
  digest: string
  config: string
  compressedBytes: number
}

/** Makes and loads an image; resolves to its name. */
export async function checkWritten(scene: ImagesScene, kind: Kind): Promise<string> {
  const { docker, folder, check, note } = scene
  const [one, other] = await Promise.all(
    ['one', 'other'].map((name) => write(join(folder, name), kind)),
  )
  if (!one || !other) throw new Error('nothing was written')
  check(hashOf(one.output) === hashOf(other.output), `${kind}: written twice, the same bytes`)
  for (const name of ['sbom.cdx.json', 'provenance.json']) {
    const [first, second] = ['one', 'other'].map((each) => hashOf(join(folder, each, name)))
    check(first === second, `${kind}: ${name} written twice, the same bytes`)
  }
  const { name, compressedBytes } = one
  check(compressedBytes <= ceilings[kind], `${kind}: ${compressedBytes} bytes compressed`)
  note(`${kind}: ${(compressedBytes / 1e6).toFixed(1)} MB compressed, ${one.digest}`)

  await docker.must('load', '--input', one.output)
  const id = await docker.must('inspect', '--format', '{{.Id}}', name)
  check(id === one.config, `${kind}: Docker knows it as ${id}`)
  const files = await listFiles(docker, name, join(folder, 'loaded.tar'))
  checkInside(scene, kind, files)
  await checkBuilt(scene, kind, { name, files })
  return name
}

// `docker build` of the project's Dockerfile makes the same image, but for the times Docker writes.
async function checkBuilt(
  { docker, folder, check }: ImagesScene,
  kind: Kind,
  { name, files }: { name: string; files: readonly InsideFile[] },
): Promise<void> {
  const context = join(folder, 'context')
  const { build = '' } = JSON.parse(await runWriter(kind, '--context', context)) as {
    build?: string
  }
  const [, , , , ...more] = build.split(' ')
  const tag = `${name}-built`
  const before = tag.lastIndexOf(':')
  await docker.must('build', '--quiet', '--no-cache', '--tag', tag, ...more)
  const built = await listFiles(docker, tag, join(folder, 'built.tar'))
  check(
    JSON.stringify(built) === JSON.stringify(files),
    `${kind}: docker build puts the same files in`,
  )
  const [written, dockers] = await Promise.all([name, tag].map((each) => configOf(docker, each)))
  check(
    written === dockers,
    `${kind}: docker build gives ${tag.slice(before)} the same configuration`,
  )
}

async function configOf(docker: Docker, image: string): Promise<string> {
  const config = JSON.parse(
    await docker.must('inspect', '--format', '{{json .Config}}', image),
  ) as Record<string, unknown>
  const known = [
    'User',
    'Env',
    'Cmd',
    'Entrypoint',
    'Volumes',
    'ExposedPorts',
    'StopSignal',
    'Healthcheck',
    'Labels',
  ]
  return JSON.stringify(known.map((field) => config[field] ?? null))
}

function checkInside({ check }: ImagesScene, kind: Kind, files: readonly InsideFile[]): void {
  const named = (list: readonly InsideFile[]) => list.map(({ path }) => path).join(' ')
  const privileged = files.filter(({ mode }) => (mode & 0o6000) !== 0)
  check(privileged.length === 0, `${kind}: nothing is setuid or setgid: ${named(privileged)}`)
  const writable = files.filter(({ mode, type }) => type !== 'symlink' && (mode & 0o002) !== 0)
  check(named(writable) === 'tmp/', `${kind}: all may write to ${named(writable)}`)
  const programs = files.filter(({ path, mode, type }) => {
    return type === 'file' && (mode & 0o111) !== 0 && !/^lib(64)?\/.*\.so/.test(path)
  })
  check(
    named(programs) === 'usr/bin/node',
    `${kind}: no shell, and no program but ${named(programs)}`,
  )
  const owned = files.filter(({ owner }) => owner !== '0:0')
  const expected = kind === 'service' ? 'var/lib/azure-storage-drone/' : ''
  check(named(owned) === expected, `${kind}: root owns all but ${named(owned)}`)
}

async function write(folder: string, kind: Kind): Promise<Written> {
  const text = await runWriter(kind, '--output', join(folder, `${kind}.tar`))
  return JSON.parse(text) as Written
}

/** Runs image/image.ts; resolves to the line it prints with --json. */
export async function runWriter(...args: string[]): Promise<string> {
  const { exitCode, output } = await runProgram(
    [process.execPath, 'image/image.ts', ...args, '--json'],
    {
      cwd: process.cwd(),
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/' },
    },
  )
  if (exitCode !== 0) throw new Error(`image ${args.join(' ')}: ${output}`)
  return output
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
