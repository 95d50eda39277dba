// The same bundles without a container: the npm package, installed where nothing else is, and the one file
// for exec runners.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { version } from '../../src/core/version.ts'
import { runProgram } from '../../src/demo/program.ts'
import { runWriter, type ImagesScene } from './written.ts'

type Parts = Pick<ImagesScene, 'folder' | 'check'>

/** Packs, installs and runs the npm package; resolves to the command for a step of it. */
export async function checkNpmPackage({ folder, check }: Parts): Promise<string[]> {
  const { output: tarball = '' } = JSON.parse(await runWriter('package', '--output', folder)) as {
    output?: string
  }
  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{"private":true}')
  const run = (...command: string[]) =>
    runProgram(command, {
      cwd: project,
      env: { PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`, HOME: project },
    })
  const installed = await run('npm', 'install', '--offline', '--no-audit', '--no-fund', tarball)
  check(installed.exitCode === 0, `npm install: ${installed.output}`)
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as {
    packages: object
  }
  check(Object.keys(lock.packages).length === 2, 'the package needs no other')
  const told = await run('npx', '--offline', 'azure-storage-drone', '--version')
  check(told.output.trim() === version, `npx azure-storage-drone --version: ${told.output}`)
  const step = await run('npx', '--offline', 'azure-storage-drone', 'plugin')
  check(
    step.exitCode === 2 && step.output.includes('`account` is missing'),
    `a step: ${step.output}`,
  )
  return [join(project, 'node_modules/.bin/azure-storage-drone'), 'plugin']
}

/** Runs the one file, alone in a folder, as an exec runner does; resolves to the command for a step of it. */
export async function checkOneFile({ folder, check }: Parts, dist: string): Promise<string[]> {
  const program = join(folder, 'azure-storage-drone.mjs')
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(dist, 'azure-storage-drone.mjs'), program)
  const env = { PATH: dirname(process.execPath), HOME: '/nonexistent' }
  const told = await runProgram([program, '--version'], { cwd: folder, env })
  check(told.output.trim() === version, `azure-storage-drone.mjs --version: ${told.output}`)
  const step = await runProgram([program], {
    cwd: folder,
    env: { ...env, PLUGIN_ACTION: 'upload' },
  })
  check(
    step.exitCode === 2 && step.output.includes('`account` is missing'),
    `a step: ${step.output}`,
  )
  return [program]
}
