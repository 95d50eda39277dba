// Steps of the shipped plugin killed 200 times while they upload, download and sync a tree of big and
// small files: what stands under a name is the whole old or the whole new content, and the next run
// finishes. Some runs are killed again while they finish what another has left.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { messageOf } from '../../src/core/fault.ts'
import { type MatrixLab, startMatrixLab } from '../matrix/lab.ts'
import type { KillScene } from './part.ts'
import { type Arena, arenas } from './transfer-arenas.ts'
import { type Round, versions } from './transfer-trees.ts'

const allKills = 200
// A step keeps one core busy, and the storage that answers it the other.
const sideBySide = 2
// After so many deaths in a row at most a run may finish.
const mostInARow = 4

type Sum = { kills: number; finished: number; midway: number }

/** Kills steps; nothing half-done may be seen, and the run after the last kill must end well. */
export async function killTransfers(scene: KillScene, kills = allKills): Promise<string> {
  mkdirSync(scene.folder, { recursive: true })
  const { programs } = scene
  const lab = await startMatrixLab(join(scene.folder, 'lab'), { programs })
  const sums: Record<string, Sum> = {}
  try {
    const trees = versions(join(scene.folder, 'trees'))
    const waiting = arenas(lab, scene.folder)
    const share = Math.ceil(kills / waiting.length)
    const work = async () => {
      for (let arena = waiting.shift(); arena; arena = waiting.shift()) {
        const sum: Sum = (sums[arena.title] = { kills: 0, finished: 0, midway: 0 })
        await killIn({ scene, lab, trees, sum, share }, arena).catch((error: unknown) => {
          scene.check(false, `${arena.title}: ${messageOf(error)}`)
        })
      }
    }
    await Promise.all(Array.from({ length: sideBySide }, work))
  } finally {
    await lab.close()
  }
  const total = Object.values(sums).reduce((all, each) => all + each.kills, 0)
  scene.check(total >= kills, `${total} kills of ${kills}`)
  const midway = Object.values(sums).reduce((all, each) => all + each.midway, 0)
  scene.check(midway > kills / 8, `only ${midway} kills fell between the first file and the last`)
  const parts = Object.entries(sums).map(
    ([title, each]) =>
      `${title} ${each.kills} (${each.midway} half-way, ${each.finished} finished)`,
  )
  return `${total} kills: ${parts.join('; ')}`
}

type Game = { scene: KillScene; lab: MatrixLab; trees: readonly Round[]; sum: Sum; share: number }

async function killIn(game: Game, arena: Arena): Promise<void> {
  const { scene, trees, sum, share } = game
  const [first, second] = trees
  if (!first || !second) throw new Error('there are two trees')
  await arena.prepare(first, second)
  // The time a run takes, as it is on this machine now.
  let wholeMs = await finish(game, arena, first, first)
  for (let round = 0; sum.kills < share; round += 1) {
    const [old, next] = round % 2 === 0 ? [first, second] : [second, first]
    const deaths = 1 + Math.floor(Math.random() * mostInARow)
    for (let death = 0; death < deaths && sum.kills < share; death += 1) {
      if (!(await killOne(game, arena, next, wholeMs))) continue
      sum.kills += 1
      const seen = await arena.look(old, next)
      for (const wrong of seen.wrong) scene.check(false, `${arena.title}: ${wrong}`)
      scene.check(seen.wrong.length === 0, `${arena.title}: something half-done is seen`)
      if (seen.isMixed) sum.midway += 1
    }
    wholeMs = (wholeMs + (await finish(game, arena, old, next))) / 2
  }
}

// False when the run ended before it was killed.
async function killOne(
  { lab, scene }: Game,
  arena: Arena,
  next: Round,
  wholeMs: number,
): Promise<boolean> {
  const { settings, cwd } = arena.run(next)
  const { child, ended, output } = lab.spawnStep(settings, cwd)
  await Promise.race([ended, sleep(Math.random() * wholeMs)])
  const isOver = child.exitCode !== null
  child.kill('SIGKILL')
  const code = await ended
  if (isOver) scene.check(code === 0, `${arena.title}: the run ended with ${code}: ${output()}`)
  return !isOver
}

// Runs to the end, and gives how long it took.
async function finish(
  { scene, lab, sum }: Game,
  arena: Arena,
  old: Round,
  next: Round,
): Promise<number> {
  const { settings, cwd } = arena.run(next)
  const startedAt = performance.now()
  const { exitCode, output } = await lab.step(settings, cwd)
  const wholeMs = performance.now() - startedAt
  scene.check(exitCode === 0, `${arena.title}: the next run ended with ${exitCode}: ${output}`)
  const { wrong, isNew, leftovers } = await arena.look(old, next)
  scene.check(
    isNew && wrong.length === 0,
    `${arena.title}: the next run did not finish: ${wrong.join(', ')}`,
  )
  scene.check(leftovers.length === 0, `${arena.title}: left over: ${leftovers.join(', ')}`)
  sum.finished += 1
  return wholeMs
}
