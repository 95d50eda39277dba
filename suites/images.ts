// The images: written twice and compared, built by Docker, run as a step and as a service of a whole
// installation; and the npm package and the file for exec runners, which hold the same bundles.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { checkCompose } from './images/compose.ts'
import { openDocker, type Docker } from './images/daemon.ts'
import { startImagesLab } from './images/lab.ts'
import { checkNpmPackage, checkOneFile } from './images/packages.ts'
import { checkCommands, checkRestart } from './images/service.ts'
import { checkStart, checkSteps, hostWay, imageWays } from './images/steps.ts'
import { checkWritten, type ImagesScene } from './images/written.ts'
import { createTally, type SuiteResult } from './suite.ts'

/** Runs everything; without a Docker daemon, what needs one is skipped and said. */
export async function runImagesSuite(): Promise<SuiteResult> {
  const { check, result } = createTally('images')
  const outcome = result()
  const note = (text: string) => void outcome.notes.push(text)
  const folder = mkdtempSync(join(tmpdir(), 'asd-images-'))
  const at = (name: string) => {
    mkdirSync(join(folder, name))
    return join(folder, name)
  }
  try {
    const npmPackage = await checkNpmPackage({ folder: at('package'), check })
    const oneFile = await checkOneFile({ folder: at('one-file'), check }, 'dist')
    const docker = await openDocker(join(folder, 'docker'))
    if (typeof docker === 'string') {
      outcome.skipped += 1
      note(`skipped: images: ${docker}`)
      return outcome
    }
    try {
      await checkImages({ docker, check, note }, at, { npmPackage, oneFile })
    } finally {
      await docker.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return outcome
}

type Common = { docker: Docker } & Pick<ImagesScene, 'check' | 'note'>

type HostCommands = { npmPackage: readonly string[]; oneFile: readonly string[] }

async function checkImages(
  common: Common,
  at: (name: string) => string,
  { npmPackage, oneFile }: HostCommands,
): Promise<void> {
  const scene = (name: string): ImagesScene => ({ ...common, folder: at(name) })
  const plugin = await checkWritten(scene('plugin'), 'plugin')
  const service = await checkWritten(scene('service'), 'service')
  try {
    await checkStart(scene('start'), plugin)
    await checkCommands(scene('commands'), service)
    await checkCompose(scene('compose'), service)
    const lab = await startImagesLab(common.docker, at('lab'), service)
    try {
      common.note(`service: healthy after ${(await lab.waitUntilHealthy()).toFixed(1)} s`)
      const steps = scene('steps')
      await checkSteps(steps, lab, imageWays(steps, plugin, lab), 100)
      await checkRestart(scene('restart'), lab)
      const onHost = [
        hostWay('azure-storage-drone.mjs', oneFile, lab),
        hostWay('the npm package', npmPackage, lab),
      ]
      await checkSteps(scene('host-steps'), lab, onHost, 200)
    } finally {
      await lab.close()
    }
  } finally {
    const images = [plugin, service].flatMap((name) => [name, `${name}-built`])
    await common.docker.run('rmi', '--force', ...images)
  }
}
