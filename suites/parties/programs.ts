// Programs of others that the parties need: where Debian puts them, and the package they come in.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

type Program = { package: string; variable?: string; path?: string }

const programs: Readonly<Record<string, Program>> = {
  'ceph-mon': { package: 'ceph-mon' },
  'ceph-osd': { package: 'ceph-osd' },
  radosgw: { package: 'radosgw' },
  'radosgw-admin': { package: 'ceph-common' },
  'ceph-authtool': { package: 'ceph-common' },
  monmaptool: { package: 'ceph-base' },
  ceph: { package: 'ceph-common' },
  aws: { package: 'awscli' },
  go: { package: 'golang-go' },
  'go-oidc': {
    package: 'golang-github-coreos-go-oidc-dev',
    path: '/usr/share/gocode/src/github.com/coreos/go-oidc',
  },
  azcopy: { package: '@azure-tools/azcopy-linux of npm, named by AZCOPY', variable: 'AZCOPY' },
}

/** Finds programs: in Debian's folders first, since the parties are Debian's, then on PATH. */
export type Finder = {
  find: (name: string) => string
  /** What is not there, with its package; empty when all is. */
  missing: (names: readonly string[]) => string
}

/** A finder over these variables. */
export function createFinder(env: Readonly<Record<string, string | undefined>>): Finder {
  const folders = ['/usr/bin', '/usr/sbin', ...(env['PATH'] ?? '').split(delimiter)]
  const look = (name: string): string | undefined => {
    const { variable, path } = programs[name] ?? {}
    const named = variable === undefined ? undefined : env[variable]
    const places = [named, path, ...folders.map((folder) => join(folder, name))]
    return places.find((place) => place !== undefined && place !== '' && existsSync(place))
  }
  return {
    find: (name) => {
      const found = look(name)
      if (found === undefined) throw new Error(`${name} is not there`)
      return found
    },
    missing: (names) =>
      names
        .filter((name) => look(name) === undefined)
        .map((name) => `${name} is not there (package ${programs[name]?.package ?? name})`)
        .join('; '),
  }
}
