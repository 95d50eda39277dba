// The first scenario with the plugin's image: it is made and loaded into a Docker daemon, and the replay's
// runner starts a container of it for each step.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { chooseDrone } from '../../e2e/drone/choice.ts'
import { startDroneLab } from '../../e2e/drone/installation.ts'
import { plantSeed } from '../../e2e/drone/scenario.ts'
import { buildScenarios } from '../../e2e/drone/scenarios-builds.ts'
import { runProgram } from '../../src/demo/program.ts'
import { openDocker, type Docker } from '../images/daemon.ts'

/** What plays it, or why nobody can. */
export type InContainers = { play: () => Promise<void>; close: () => Promise<void> } | string

/** Finds or starts a daemon; a sentence says why there is none. */
export async function openContainers(scene: {
  folder: string
  programs: string
}): Promise<InContainers> {
  const docker = await openDocker(join(scene.folder, 'docker'))
  if (typeof docker === 'string') return docker
  return { play: () => playIn(docker, scene), close: docker.close }
}

async function playIn(
  docker: Docker,
  { folder, programs }: { folder: string; programs: string },
): Promise<void> {
  const image = await loadPlugin(docker, join(folder, 'plugin.tar'))
  try {
    const replay = chooseDrone({})
    if (replay.kind !== 'replay') throw new Error('an empty environment names no Drone')
    const container = { image, dockerHost: hostOf(join(folder, 'docker')) }
    const at = { folder: join(folder, 'lab'), programs }
    const lab = await startDroneLab({ ...replay, container }, at)
    try {
      await plantSeed(lab)
      await buildScenarios[0]?.play(lab)
    } finally {
      await lab.close()
    }
  } finally {
    await docker.run('rmi', '--force', image)
  }
}

async function loadPlugin(docker: Docker, file: string): Promise<string> {
  const command = [process.execPath, 'image/image.ts', 'plugin', '--output', file, '--json']
  const { PATH = '', HOME = '/' } = process.env
  const { exitCode, output } = await runProgram(command, {
    cwd: process.cwd(),
    env: { PATH, HOME },
  })
  if (exitCode !== 0) throw new Error(`the image was not made: ${output}`)
  const { name } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as { name: string }
  const wasThere = (await docker.run('image', 'inspect', name)).exitCode === 0
  await docker.must('load', '--input', file)
  // A name of its own, so that removing it takes nobody else's away.
  const own = `${name}-drone-${process.pid}`
  await docker.must('tag', name, own)
  if (!wasThere) await docker.must('rmi', name)
  return own
}

// The daemon that was started here listens in its own folder.
function hostOf(folder: string): string {
  const socket = join(folder, 'docker.sock')
  if (existsSync(socket)) return `unix://${socket}`
  return process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock'
}
