// The door: `npm run image -- plugin|service|package …` writes an image without Docker, the folder that
// `docker build` makes it from, or the npm package.
import { createPrivateKey } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { Fault, messageOf } from '../src/core/fault.ts'
import { version } from '../src/core/version.ts'
import { run } from './debian.ts'
import {
  collectParts,
  labelsOf,
  listMaterials,
  packParts,
  referenceOf,
  type Parts,
  type Source,
} from './make.ts'
import { packNpmPackage } from './npm-package.ts'
import { signStatement, writeProvenance } from './provenance.ts'
import type { ImageKind } from './rootfs.ts'
import { writeSbom } from './sbom.ts'

const usage = `npm run image -- plugin|service [--output FILE.tar] [--key FILE] [--json]
npm run image -- plugin|service --context FOLDER [--json]
npm run image -- package [--output FOLDER] [--json]

The first writes an image as one tar for \`docker load\`, skopeo and the like, and beside it sbom.cdx.json and
provenance.json, which is signed if there is a --key (PEM). The second writes the folder that
\`docker build FOLDER\` makes the same image from. The third packs the npm package.
SOURCE_DATE_EPOCH is the time of every file, the commit's unless given.
`

const root = resolve(import.meta.dirname, '..')

/** Runs the command; resolves to its exit code. */
async function main(args: string[]): Promise<number> {
  const { kind, options } = readArgs(args)
  if (options.help) {
    process.stdout.write(usage)
    return 0
  }
  const result = await make(kind, options)
  const text = Object.entries(result).map(([name, value]) => `${name}: ${value}\n`)
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : text.join(''))
  return 0
}

type Options = ReturnType<typeof readArgs>['options']
type Result = Record<string, string | number>

function make(kind: ImageKind | 'package', options: Options): Promise<Result> | Result {
  if (kind === 'package') return makePackage(resolve(options.output ?? 'out'))
  const source = describeSource()
  if (options.context !== undefined) return writeContext(source, kind, resolve(options.context))
  return writeImage(source, kind, options)
}

async function writeImage(
  source: Source,
  kind: ImageKind,
  { output, key }: Options,
): Promise<Result> {
  const target = resolve(output ?? `out/${kind}.tar`)
  const parts = await collectParts(source, kind)
  const image = await packParts(source, kind, parts)
  const name = referenceOf(kind, source.version)
  const digest = image.manifestDigest
  const folder = dirname(target)
  mkdirSync(folder, { recursive: true })
  writeFileSync(target, image.tar)
  const subject = {
    name,
    digest,
    version: source.version,
    madeAt: new Date(source.epochSeconds * 1000),
  }
  writeJson(join(folder, 'sbom.cdx.json'), writeSbom(subject, parts))
  const statement = writeProvenance({
    ...source,
    name,
    digest,
    kind,
    isModified: git('status', '--porcelain') !== '',
    materials: listMaterials(source, parts),
  })
  const signed = key === undefined ? statement : signStatement(statement, readKey(key))
  writeJson(join(folder, 'provenance.json'), signed)
  return {
    output: target,
    name,
    digest,
    config: image.configDigest,
    compressedBytes: image.compressedBytes,
  }
}

async function writeContext(source: Source, kind: ImageKind, folder: string): Promise<Result> {
  const parts: Parts = await collectParts(source, kind)
  mkdirSync(folder, { recursive: true })
  for (const { name, tar } of parts.layers) writeFileSync(join(folder, name), tar)
  writeFileSync(join(folder, 'Dockerfile'), parts.dockerfile)
  const labels = Object.entries(labelsOf(source)).map(([name, value]) => `--label ${name}=${value}`)
  const tag = referenceOf(kind, source.version)
  return { context: folder, build: `docker build --tag ${tag} ${labels.join(' ')} ${folder}` }
}

function makePackage(target: string): Result {
  const folder = mkdtempSync(join(tmpdir(), 'asd-package-'))
  try {
    return { output: packNpmPackage(root, folder, target) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function describeSource(): Source {
  const given = process.env['SOURCE_DATE_EPOCH']
  return {
    root,
    version,
    commit: git('rev-parse', 'HEAD'),
    epochSeconds: Number(given ?? git('log', '-1', '--format=%ct')),
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
  }
}

function git(...args: string[]): string {
  return run('git', '-C', root, ...args).trim()
}

function readKey(path: string) {
  try {
    return createPrivateKey(readFileSync(path))
  } catch (cause) {
    throw new Fault('cli_usage', `image: --key: ${messageOf(cause)}.`, { cause })
  }
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`)
}

function isKind(word: string | undefined): word is ImageKind | 'package' {
  return word === 'plugin' || word === 'service' || word === 'package'
}

function readArgs(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        output: { type: 'string', short: 'o' },
        context: { type: 'string' },
        key: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const [kind] = positionals
    if (values.help) return { kind: 'plugin' as const, options: values }
    if (isKind(kind) && positionals.length === 1) return { kind, options: values }
  } catch (cause) {
    throw new Fault('cli_usage', `image: ${messageOf(cause)}.`, { cause })
  }
  throw new Fault('cli_usage', 'image: expected plugin, service or package.', { hint: usage })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof Fault)) throw error
  process.stderr.write(`${error.message}\nwhat to do: ${error.hint}\n`)
  process.exitCode = error.exitCode
}
