// Who gets in and what they can do there: roles by the provider, one-time links by the command, the API by
// a session, forms, exports, and the ledger's word on all of it.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { openVisit, signIn, type Scene } from './visit.ts'

const run = promisify(execFile)

/** Checks roles, links, forms and what is on record of them. */
export async function checkAccess(scene: Scene): Promise<void> {
  await checkRoles(scene)
  await checkVerify(scene)
  await checkLink(scene)
}

async function checkRoles(scene: Scene): Promise<void> {
  const { stage, check } = scene
  const viewer = await openVisit(scene)
  await signIn(viewer, stage, 'viewer', '/trust')
  check(
    (await viewer.page.getByRole('button', { name: 'Make the next key' }).count()) === 0,
    'a viewer sees a button of admins',
  )
  const exported = await viewer.page.goto(`${stage.url}/audit/export?node=node-1`)
  check(exported?.status() === 403, `a viewer may export: ${exported?.status()}`)
  const api = await viewer.page.request.get(`${stage.url}/v1/keys`)
  check(api.status() === 200, `the API answers ${api.status()} to a session`)
  const post = await viewer.page.request.post(`${stage.url}/v1/keys/rotate`, { data: {} })
  check(post.status() === 401, `the API takes an order by a cookie: ${post.status()}`)
  await viewer.close()
  const nobody = await openVisit(scene)
  await signIn(nobody, stage, 'nobody')
  const text = await nobody.page.locator('body').innerText()
  check(/gives no role here/.test(text), 'somebody without a role is not told so')
  await nobody.close()
}

async function checkVerify(scene: Scene): Promise<void> {
  const { stage, check } = scene
  const auditor = await openVisit(scene)
  const { page } = auditor
  await signIn(auditor, stage, 'auditor', '/audit')
  // It reads a million records.
  page.setDefaultTimeout(120_000)
  page.setDefaultNavigationTimeout(120_000)
  await page.getByRole('button', { name: 'Verify the ledger now' }).click()
  await page.waitForLoadState()
  const text = await page.locator('main').innerText()
  const count = Number(/([\d,]+) records verified/.exec(text)?.[1]?.replaceAll(',', ''))
  check(count >= stage.records, `verifying tells of ${count} records`)
  await page.goto(`${stage.url}/events?type=admin.signed_in`)
  const events = await page.locator('main').innerText()
  check(/viewer@example\.org/.test(events), 'a sign-in is not on the ledger')
  await auditor.close()
}

async function checkLink(scene: Scene): Promise<void> {
  const { stage, check } = scene
  const command = ['dashboard', '--service', stage.url, '--ca-file', stage.caFile]
  const args = ['bin/cli.ts', ...command, '--admin-token-file', stage.adminTokenFile]
  const { stdout } = await run(process.execPath, args, { env: {} })
  const first = await openVisit(scene)
  const answer = await first.page.goto(stdout.trim())
  check(answer?.status() === 200, `a one-time link answers ${answer?.status()}`)
  check(/lab-admin/.test(await first.page.locator('body').innerText()), 'the link lets nobody in')
  const second = await openVisit(scene)
  const again = await second.page.goto(stdout.trim())
  check(again?.status() === 403, `a used link answers ${again?.status()}`)
  await first.close()
  await second.close()
}
