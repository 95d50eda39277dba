// kill -9 at random moments, part by part: what was promised before a death is kept after it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { messageOf } from '../src/core/fault.ts'
import { killMinting } from './kill/mint.ts'
import { copyPrograms, type KillPart, type KillScene } from './kill/part.ts'
import { killTransfers } from './kill/transfer.ts'
import { createTally, type SuiteResult } from './suite.ts'

const parts: Record<string, KillPart> = {
  mint: killMinting,
  transfer: killTransfers,
}

/** Runs every part; one that cannot go on counts as a failed check and does not stop the others. */
export async function runKillSuite(): Promise<SuiteResult> {
  const { check, result } = createTally('kill')
  const folder = mkdtempSync(join(tmpdir(), 'asd-kill-'))
  try {
    const programs = copyPrograms(join(folder, 'dist'))
    for (const [name, part] of Object.entries(parts)) {
      const checkPart: KillScene['check'] = (holds, sentence) =>
        check(holds, `${name}: ${sentence}`)
      try {
        const scene = { programs, folder: join(folder, name), check: checkPart }
        result().notes.push(`${name}: ${await part(scene)}`)
      } catch (error) {
        checkPart(false, messageOf(error))
      }
    }
    return result()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
