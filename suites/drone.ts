// Scenarios of a whole Drone installation, end to end: on the Drone that the environment names, or on a replay
// of the documented traffic. What they need and what has been run on which Drone: docs/e2e.md.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Choice, chooseDrone, noDrone } from '../e2e/drone/choice.ts'
import { startDroneLab } from '../e2e/drone/installation.ts'
import { secrecyScenario } from '../e2e/drone/scenario-secrecy.ts'
import { plantSeed } from '../e2e/drone/scenario.ts'
import { buildScenarios } from '../e2e/drone/scenarios-builds.ts'
import { tokenScenarios } from '../e2e/drone/scenarios-tokens.ts'
import { woodpeckerScenarios } from '../e2e/drone/scenarios-woodpecker.ts'
import { messageOf } from '../src/core/fault.ts'
import { playByAddress } from './drone/address.ts'
import { openContainers } from './drone/container.ts'
import { copyPrograms } from './kill/part.ts'
import { createTally, type SuiteResult } from './suite.ts'

const inContainers = 'steps run in containers of the plugin image'
const byAddress = 'a Drone that runs already is taken by its address'
const scenarios = [...buildScenarios, ...tokenScenarios, ...woodpeckerScenarios, secrecyScenario]

/** Plays the scenarios whose names contain `only`, one after another. */
export async function runDroneSuite(only = ''): Promise<SuiteResult> {
  const { check, result } = createTally('drone')
  const tally = result()
  const skip = (why: string) => {
    tally.skipped += 1
    tally.notes.push(why)
  }
  const choice = readChoice()
  if (typeof choice === 'string') {
    check(false, choice)
    return tally
  }
  const tell = async (name: string, played: Promise<void>) => {
    const failure = await played.then(
      () => undefined,
      (error: unknown) => messageOf(error),
    )
    process.stdout.write(`${failure === undefined ? 'ok    ' : 'failed'} ${name}\n`)
    check(failure === undefined, `${name}: ${failure ?? ''}`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'asd-drone-'))
  try {
    const programs = copyPrograms(join(folder, 'dist'))
    const lab = await startDroneLab(choice, { folder: join(folder, 'lab'), programs })
    try {
      await plantSeed(lab)
      for (const { name, play } of scenarios.filter((each) => each.name.includes(only))) {
        await tell(name, play(lab))
      }
    } finally {
      await lab.close()
    }
    if (choice.kind === 'replay' && byAddress.includes(only)) {
      await tell(byAddress, playByAddress({ folder: join(folder, 'address'), programs }))
    }
    if (choice.kind === 'replay' && inContainers.includes(only)) {
      const containers = await openContainers({ folder: join(folder, 'containers'), programs })
      if (typeof containers === 'string') skip(`${inContainers}: ${containers}`)
      else await tell(inContainers, containers.play()).finally(containers.close)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  if (choice.kind === 'replay') {
    skip(`a real Drone: ${noDrone}; the same scenarios ran on the replay of its traffic`)
  }
  skip('a real Woodpecker: not run; its scenarios ran on the replay of its traffic')
  return tally
}

function readChoice(): Choice | string {
  try {
    return chooseDrone(process.env)
  } catch (error) {
    return messageOf(error)
  }
}
