// What the images take from Debian: the shared libraries that a program asks for, the certificates of
// ca-certificates, and of each package its name, version and copyright.
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, realpathSync } from 'node:fs'

import { Fault } from '../src/core/fault.ts'
import { type Entry, file } from './tree.ts'

/** A Debian package that files of an image come from. */
export type DebianPackage = { name: string; version: string; architecture: string }

/** Files for an image, and the packages they are from. */
export type DebianFiles = { entries: Entry[]; packages: DebianPackage[] }

const certificatesPackage = 'ca-certificates'

/** The loader and the shared libraries of `program`, at the paths it looks for them. */
export function collectLibraries(program: string): DebianFiles {
  const paths = listLibraries(run('ldd', program))
  const entries = paths.map((path) => file(path.slice(1), readFileSync(path), 0o755))
  return withCopyrights(entries, [...new Set(paths.map(findPackage))])
}

/** The paths in what `ldd` prints; what the kernel brings itself has none. */
export function listLibraries(ldd: string): string[] {
  const missing = /^\s*(\S+) => not found/m.exec(ldd)?.[1]
  if (missing !== undefined) throw new Fault('image_failed', `The library ${missing} is missing.`)
  return ldd.split('\n').flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? [])
}

/**
 * The certificates of the package, as one file. What `update-ca-certificates` made of them here is not taken: it
 * holds what was added on this machine.
 */
export function collectCertificates(): DebianFiles {
  const files = globSync('/usr/share/ca-certificates/mozilla/*.crt').toSorted()
  if (files.length === 0) {
    throw new Fault('image_failed', `There are no files of the package ${certificatesPackage}.`)
  }
  const pem = files.map((path) => readFileSync(path, 'utf8').trimEnd()).join('\n')
  const entries = [file('etc/ssl/certs/ca-certificates.crt', `${pem}\n`)]
  return withCopyrights(entries, [certificatesPackage])
}

function withCopyrights(entries: readonly Entry[], names: readonly string[]): DebianFiles {
  const copyrights = names.map((name) => {
    const path = `usr/share/doc/${name.replace(/:.*/, '')}/copyright`
    return file(path, readFileSync(`/${path}`))
  })
  return { entries: [...entries, ...copyrights], packages: names.map(describePackage) }
}

// Debian merged /lib into /usr/lib; its database still knows most files by their old place.
function findPackage(path: string): string {
  const real = realpathSync(path)
  const places = [path, real, real.replace(/^\/usr/, '')]
  for (const place of places) {
    const [, name] = /^([^:,\s]+(?::\w+)?): /.exec(tryRun('dpkg-query', '--search', place)) ?? []
    if (name !== undefined) return name
  }
  throw new Fault('image_failed', `No Debian package has the file ${path}.`)
}

function describePackage(name: string): DebianPackage {
  const format = '--showformat=${Package} ${Version} ${Architecture}'
  const [short = '', version = '', architecture = ''] = run(
    'dpkg-query',
    '--show',
    format,
    name,
  ).split(' ')
  return { name: short, version, architecture }
}

function tryRun(command: string, ...args: string[]): string {
  try {
    return run(command, ...args)
  } catch {
    return ''
  }
}

/** What a program prints; throws image_failed when it is missing or fails. */
export function run(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.trim() : ''
    throw new Fault('image_failed', `\`${command}\` did not do its part: ${why}.`, { cause })
  }
}
