// What each build tool keeps, and which files say what that is. In containers only the workspace is the same
// for all steps: so a tool is told by its variable to keep things there, and the plugin reads that variable.
import { findFiles } from './hash-files.ts'

/** One build tool. */
export type Preset = {
  /** Files that decide what is in the cache. */
  locks: readonly string[]
  /** The variable that tells the tool where to keep it. */
  variable: string
  /** Where it is without the variable, in the workspace. */
  path: string
}

/** The build tools, by the names of the setting `preset`. */
export const presets = {
  npm: { locks: ['**/package-lock.json'], variable: 'npm_config_cache', path: '.cache/npm' },
  pnpm: { locks: ['**/pnpm-lock.yaml'], variable: 'npm_config_store_dir', path: '.cache/pnpm' },
  yarn: { locks: ['**/yarn.lock'], variable: 'YARN_CACHE_FOLDER', path: '.cache/yarn' },
  go: { locks: ['**/go.sum'], variable: 'GOMODCACHE', path: '.cache/go' },
  maven: { locks: ['**/pom.xml'], variable: 'MAVEN_REPO_LOCAL', path: '.cache/maven' },
  gradle: {
    locks: [
      '**/*.gradle',
      '**/*.gradle.kts',
      '**/gradle-wrapper.properties',
      '**/libs.versions.toml',
    ],
    variable: 'GRADLE_USER_HOME',
    path: '.cache/gradle',
  },
  cargo: { locks: ['**/Cargo.lock'], variable: 'CARGO_HOME', path: '.cache/cargo' },
  pip: {
    locks: ['**/requirements*.txt', '**/Pipfile.lock', '**/poetry.lock'],
    variable: 'PIP_CACHE_DIR',
    path: '.cache/pip',
  },
  uv: { locks: ['**/uv.lock'], variable: 'UV_CACHE_DIR', path: '.cache/uv' },
  nuget: { locks: ['**/packages.lock.json'], variable: 'NUGET_PACKAGES', path: '.cache/nuget' },
  bundler: { locks: ['**/Gemfile.lock'], variable: 'BUNDLE_PATH', path: '.cache/bundler' },
  composer: {
    locks: ['**/composer.lock'],
    variable: 'COMPOSER_CACHE_DIR',
    path: '.cache/composer',
  },
} as const satisfies Record<string, Preset>

/** Name of a preset. */
export type PresetName = keyof typeof presets

/** Paths, key and restore keys, as a step would write them. */
export type PresetWish = { paths: string[]; key: string; restoreKeys: string[] }

/** Names of the presets. */
export function presetNames(): PresetName[] {
  return Object.keys(presets).filter((name): name is PresetName => Object.hasOwn(presets, name))
}

/** What a preset stands for; `auto` takes every tool whose lock files are in `folder`, undefined when there is none. */
export function applyPreset(
  name: PresetName | 'auto',
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): PresetWish | undefined {
  const tools =
    name === 'auto'
      ? presetNames().filter((each) => findFiles(folder, presets[each].locks).length > 0)
      : [name]
  if (tools.length === 0) return undefined
  const start = `${tools.join('-')}-{{ os }}-{{ arch }}-`
  const locks = tools.flatMap((each) => presets[each].locks.map((lock) => `"${lock}"`))
  return {
    paths: tools.map((each) => env[presets[each].variable] || presets[each].path),
    key: `${start}{{ hashFiles ${locks.join(' ')} }}`,
    restoreKeys: [start],
  }
}
