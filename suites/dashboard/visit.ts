// One person in one browser window: signs in as people do, and keeps what pages must not do: break their
// content security policy, ask another origin for anything, or fail.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

import type { Role } from '../../src/core/role.ts'
import { password, type Stage } from './stage.ts'

/** What every part of the suite is given. */
export type Scene = {
  browser: Browser
  stage: Stage
  /** Folder of the screenshots. */
  screenshots: string
  check: (holds: boolean, sentence: string) => void
  say: (text: string) => void
}

/** A window and what went wrong in it so far. */
export type Visit = { page: Page; troubles: string[]; close: () => Promise<void> }

/** Opens a window; what it asks of other origins than these is trouble. */
export async function openVisit(
  { browser, stage }: Pick<Scene, 'browser' | 'stage'>,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1280, height: 900 },
    ...options,
  })
  const page = await context.newPage()
  const troubles: string[] = []
  const known = new Set([stage.url, stage.provider.issuer])
  page.on('request', (request) => {
    const { origin } = new URL(request.url())
    if (!known.has(origin)) troubles.push(`a request to ${origin}`)
  })
  page.on('console', (message) => {
    const isOurs = message.location().url.startsWith(stage.url)
    if (isOurs && /Content Security Policy|Refused to/i.test(message.text())) {
      troubles.push(message.text())
    }
  })
  page.on('pageerror', (error) => troubles.push(`an error in a script: ${error.message}`))
  return { page, troubles, close: () => context.close() }
}

/** Signs in at the lab's provider; ends on the page that was asked for. */
export async function signIn(
  { page }: Pick<Visit, 'page'>,
  { url }: Stage,
  login: Role | 'nobody',
  path = '/',
): Promise<void> {
  await page.goto(url + path)
  await page.getByRole('link', { name: 'Sign in with your organisation' }).click()
  await page.getByLabel('Login').fill(login)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL((at) => at.origin === new URL(url).origin)
}
