// What a part of the kill suite is given, and the bundles it kills: a copy of `dist`, made once, so
// that a build that runs meanwhile does not change or remove the programs under test.
import { cpSync, existsSync, globSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What a part works with; its folder is its own, is not there yet, and goes with the suite. */
export type KillScene = {
  /** Where the bundles lie: `service.mjs`, `plugin.mjs`, `cli.mjs`. */
  programs: string
  folder: string
  check: (holds: boolean, sentence: string) => void
}

/** Kills something again and again; resolves to its note for the report. */
export type KillPart = (scene: KillScene) => Promise<string>

/** Copies `dist` to `folder`; throws when it is missing or older than a source. */
export function copyPrograms(folder: string): string {
  const built = existsSync('dist/service.mjs') ? statSync('dist/service.mjs').mtimeMs : 0
  const newer = globSync('{src,bin}/**/*.ts').find(
    (file) => !file.endsWith('.test.ts') && statSync(file).mtimeMs > built,
  )
  if (newer !== undefined) throw new Error(`dist is missing or older than ${newer}: npm run build`)
  cpSync('dist', folder, { recursive: true })
  return folder
}

/** The command line of a bundle. */
export function commandOf({ programs }: KillScene, name: string): string[] {
  return [process.execPath, join(programs, name)]
}
