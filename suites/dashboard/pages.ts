// Every page as an admin sees it: reached by clicking, with what must stand there, its time on the server,
// axe's findings and a screenshot in light and dark; then on a phone, and without scripts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Page } from 'playwright-core'

import { openVisit, signIn, type Scene } from './visit.ts'

const budgetMs = 100
const loads = 5

/** The page that took longest. */
export type Slowest = { path: string; milliseconds: number }

type Stop = { name: string; reach: (page: Page) => Promise<unknown>; shows: RegExp }

const nav = (name: string) => (page: Page) =>
  page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click()
const firstLink = (page: Page) => page.locator('tbody a').first().click()

const stops: readonly Stop[] = [
  {
    name: 'overview',
    reach: nav('Overview'),
    shows: /Tokens today.*Denials by rule.*Busiest repositories/s,
  },
  { name: 'builds', reach: nav('Builds'), shows: /Newest builds.*50 builds.*Older/s },
  {
    name: 'builds-older',
    reach: (page) => page.getByRole('link', { name: 'Older' }).click(),
    shows: /Older builds.*Newest/s,
  },
  { name: 'build', reach: firstLink, shows: /Story.*said by this service.*record node-\d #\d+/s },
  { name: 'builds-denied', reach: filterDenied, shows: /denied.*50 builds|50 builds.*denied/s },
  { name: 'build-denied', reach: firstLink, shows: /denied.*Reason.*policy_|issuer_/s },
  {
    name: 'search',
    reach: async (page) => {
      await page.getByRole('searchbox').fill('nobody/nothing#1')
      await page.getByRole('button', { name: 'Find' }).click()
    },
    shows: /No build goes by/,
  },
  { name: 'identities', reach: nav('Identities'), shows: /Last use.*app-\d+/s },
  { name: 'policies', reach: nav('Policies'), shows: /480 entries.*octo-web-0-publish/s },
  { name: 'policy', reach: firstLink, shows: /Effective rights.*Azure role with condition/s },
  { name: 'simulator', reach: nav('Simulator'), shows: /May such a build/ },
  {
    name: 'simulator-yes',
    reach: (page) => ask(page, 'web-0/x'),
    shows: /Yes, it may blob\.write.*covers it/s,
  },
  {
    name: 'simulator-no',
    reach: (page) => ask(page, 'other/x'),
    shows: /No, it may not.*policy_path_denied/s,
  },
  { name: 'storage', reach: nav('Storage'), shows: /acct0\/builds/ },
  { name: 'storage-place', reach: firstLink, shows: /Who wrote here.*Who may reach it/s },
  { name: 'findings', reach: nav('Findings'), shows: /In the policy.*Last review of trust/s },
  { name: 'events', reach: nav('Events'), shows: /Newest events.*50 events/s },
  { name: 'audit', reach: nav('Audit'), shows: /node-1.*node-2.*Verify the ledger now/s },
  { name: 'trust', reach: nav('Keys and trust'), shows: /active.*Make the next key/s },
  {
    name: 'absent',
    reach: (page) => page.goto(new URL('/nowhere', page.url()).href),
    shows: /There is nothing here/,
  },
]

/** Clicks through every page; gives the one that took longest. */
export async function checkPages(scene: Scene): Promise<Slowest> {
  const { stage, check, screenshots } = scene
  const visit = await openVisit(scene)
  const { page } = visit
  await page.goto(stage.url)
  check(/Sign in/.test(await page.title()), 'a stranger is not led to the sign-in')
  await inspect(scene, page, 'sign-in')
  await signIn(visit, stage, 'admin')
  let slowest: Slowest = { path: '', milliseconds: 0 }
  for (const { name, reach, shows } of stops) {
    await reach(page)
    await page.waitForLoadState()
    const text = await page.locator('body').innerText()
    check(shows.test(text), `${name} does not show ${shows}`)
    await inspect(scene, page, name)
    const milliseconds = await measure(page)
    const { pathname: path } = new URL(page.url())
    scene.say(`${name}: ${milliseconds} ms on the server`)
    check(milliseconds < budgetMs, `${name} took ${milliseconds} ms on the server`)
    if (milliseconds > slowest.milliseconds) slowest = { path, milliseconds }
  }
  await page.goto(`${stage.url}/builds`)
  await page.keyboard.press('Tab')
  const focused = await page.evaluate<string>('document.activeElement.textContent')
  check(focused === 'Skip to the content', `the first stop of the Tab key is ${focused}`)
  check(visit.troubles.length === 0, `pages did what they must not: ${visit.troubles.join('; ')}`)
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.goto(stage.url)
  await page.screenshot({ path: join(screenshots, 'overview-dark-window.png') })
  await visit.close()
  return slowest
}

/** The pages people look at on the way, as wide as a phone: nothing may stick out of the window. */
export async function checkPhone(scene: Scene): Promise<void> {
  const { stage, check, screenshots } = scene
  const viewport = { width: 390, height: 844 }
  const visit = await openVisit(scene, { viewport, hasTouch: true, isMobile: true })
  await signIn(visit, stage, 'viewer')
  for (const path of ['/', '/builds', '/policies', '/storage', '/simulator', '/audit', '/trust']) {
    await visit.page.goto(stage.url + path)
    const wide = await visit.page.evaluate<number>('document.documentElement.scrollWidth')
    check(wide <= viewport.width, `${path} is ${wide} pixels wide on a phone`)
    const name = path === '/' ? 'overview' : path.slice(1)
    await visit.page.screenshot({ path: join(screenshots, `${name}-phone.png`), fullPage: true })
  }
  check(visit.troubles.length === 0, `on a phone: ${visit.troubles.join('; ')}`)
  await visit.close()
}

/** Signing in, reading and leaving with JavaScript switched off. */
export async function checkWithoutScripts(scene: Scene): Promise<void> {
  const { stage, check } = scene
  const visit = await openVisit(scene, { javaScriptEnabled: false })
  const { page } = visit
  await signIn(visit, stage, 'viewer', '/builds?outcome=denied')
  check(page.url().endsWith('/builds?outcome=denied'), `signing in led to ${page.url()}`)
  for (const { name, reach, shows } of stops.filter(
    ({ name: each }) => !/^(trust|audit)$/.test(each),
  )) {
    await reach(page)
    await page.waitForLoadState()
    check(shows.test(await page.locator('body').innerText()), `${name} fails without scripts`)
  }
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.goto(stage.url)
  check(page.url().includes('/sign-in'), 'signing out without scripts does not sign out')
  await visit.close()
}

async function inspect({ check, screenshots }: Scene, page: Page, name: string): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.screenshot({ path: join(screenshots, `${name}-${colorScheme}.png`), fullPage: true })
    const found = await findBarriers(page)
    check(found.length === 0, `${name} in ${colorScheme} has barriers: ${found.join('; ')}`)
  }
}

const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8')

type AxeResult = { violations: { id: string; impact: string; nodes: { html: string }[] }[] }

// The debugger may run what the page's own policy does not let in.
async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const { violations } = await page.evaluate<AxeResult>('axe.run()')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id} (${nodes.length}, as ${nodes[0]?.html.slice(0, 120)})`)
}

// The median of several loads; once more where the machine was busy with something else.
async function measure(page: Page): Promise<number> {
  const first = await medianOf(page)
  return first < budgetMs ? first : Math.min(first, await medianOf(page))
}

async function medianOf(page: Page): Promise<number> {
  const times: number[] = []
  for (let load = 0; load < loads; load += 1) {
    const answer = await page.reload()
    const header = answer?.headers()['server-timing'] ?? ''
    times.push(Number(/dur=([\d.]+)/.exec(header)?.[1] ?? Number.NaN))
  }
  return times.toSorted((one, other) => one - other)[Math.floor(loads / 2)] ?? Number.NaN
}

async function filterDenied(page: Page): Promise<void> {
  await nav('Builds')(page)
  await page.getByLabel('Outcome').selectOption('denied')
  await page.getByRole('button', { name: 'Show' }).click()
}

async function ask(page: Page, path: string): Promise<void> {
  await page.getByLabel('Repository', { exact: true }).fill('octo/web-0')
  await page.getByLabel('Ref').fill('refs/heads/main')
  await page.getByLabel('Verb').selectOption('blob.write')
  await page.getByLabel('Place').fill(`acct4/builds/${path}`)
  await page.getByRole('button', { name: 'Ask' }).click()
}
