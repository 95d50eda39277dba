// The dashboard in real Chromium on 100,000 builds and 1,000,000 records: signs people in through the lab's
// provider, clicks through every page, in both colour schemes, on a phone and without scripts, and holds
// each to its time, to axe's rules and to its own content security policy.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { chromium } from 'playwright-core'

import { checkAccess } from './dashboard/access.ts'
import { checkPages, checkWithoutScripts, checkPhone } from './dashboard/pages.ts'
import { openStage } from './dashboard/stage.ts'
import { copyPrograms } from './kill/part.ts'
import { createTally, type SuiteResult } from './suite.ts'

const amount = { builds: 100_000, records: 1_000_000 }

/** Runs the suite; `DASHBOARD_SCREENSHOTS` names the folder of the screenshots, and `CHROMIUM` the browser. */
export async function runDashboardSuite(): Promise<SuiteResult> {
  const { check, result } = createTally('dashboard')
  const say = (text: string) => void process.stderr.write(`${text}\n`)
  const screenshots = process.env['DASHBOARD_SCREENSHOTS'] ?? 'screenshots'
  mkdirSync(screenshots, { recursive: true })
  const folder = mkdtempSync(join(tmpdir(), 'asd-dashboard-'))
  copyPrograms(join(folder, 'dist'))
  const command = [process.execPath, join(folder, 'dist', 'service.mjs')]
  const stage = await openStage(join(folder, 'service'), command, amount, say)
  try {
    const browser = await chromium.launch({
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox'],
    })
    try {
      const scene = { browser, stage, screenshots, check, say }
      const slowest = await checkPages(scene)
      await checkPhone(scene)
      await checkWithoutScripts(scene)
      await checkAccess(scene)
      result().notes.push(
        `${stage.records} records; the slowest page took ${slowest.milliseconds} ms (${slowest.path}); screenshots in ${screenshots}/`,
      )
    } finally {
      await browser.close()
    }
  } finally {
    await stage.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return result()
}
