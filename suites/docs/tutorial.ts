// The tutorial as a new user has it: from a clean clone of the project as it lies here, with nothing but
// what its own commands install.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { runPage, type PageRun } from './commands.ts'
import type { ReadFile } from './pages.ts'

/** Clones, and runs the page in the clone; `seconds` are those of all its commands, npm ci included. */
export function runTutorial(page: ReadFile, folder: string): Promise<PageRun> {
  const clone = join(folder, 'clone')
  cloneAsItLies(clone)
  const env = {
    // What the clone installs is what runs there.
    PATH: (process.env['PATH'] ?? '')
      .split(':')
      .filter((each) => !each.includes('node_modules'))
      .join(':'),
    HOME: process.env['HOME'] ?? folder,
    LANG: 'C.UTF-8',
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
  }
  return runPage(page, { folder: clone, env })
}

// What is not committed yet goes along, so that the tree at hand is what is tried.
function cloneAsItLies(clone: string): void {
  git('clone', '--quiet', '--no-hardlinks', '.', clone)
  for (const file of list('--deleted')) rmSync(join(clone, file), { force: true })
  const deleted = new Set(list('--deleted'))
  for (const file of list('--modified', '--others', '--exclude-standard')) {
    if (deleted.has(file)) continue
    mkdirSync(dirname(join(clone, file)), { recursive: true })
    cpSync(file, join(clone, file))
  }
}

function list(...flags: string[]): string[] {
  return git('ls-files', '-z', ...flags)
    .split('\0')
    .filter((file) => file !== '')
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' })
}
