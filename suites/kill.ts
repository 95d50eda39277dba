// kill -9 of the trust service at random moments under load, 200 times: every ID token that reached a
// step has its ledger record, and the chain is whole (the service itself verifies it at every start).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { decodeJwt } from 'jose'

import type { LedgerRecord } from '../src/audit/event.ts'
import { verifyLedger } from '../src/audit/ledger.ts'
import { createMintClient, readIdToken, type MintClient } from '../src/demo/mint-client.ts'
import { names, planTrustService, startTrustService } from '../src/demo/trust-service.ts'
import { createAuthority } from '../src/lab/authority.ts'
import { pushBuild } from '../src/lab/drone.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { createTally, type SuiteResult } from './suite.ts'

const kills = 200
const lanes = 16
const longestLifeMs = 400
const app = { tenantId: crypto.randomUUID(), clientId: crypto.randomUUID() }

/** Kills the service again and again; passes when no delivered token lacks its record. */
export async function runKillSuite(): Promise<SuiteResult> {
  const tally = createTally('kill')
  const folder = mkdtempSync(join(tmpdir(), 'asd-kill-'))
  try {
    const authority = await createAuthority()
    const now = () => new Date()
    const plan = await planTrustService({ authority, now }, folder)
    const command = [process.execPath, resolve('dist/service.mjs')]
    const target = { serviceUrl: plan.serviceUrl, audience: names.audience, connections: lanes }
    const delivered: string[] = []
    let token = ''
    for (let kill = 1; kill <= kills; kill += 1) {
      const service = await startTrustService(plan, command, app)
      if (token === '') token = await offer(plan)
      const client = createMintClient(authority, target)
      const lifeMs = Math.random() * longestLifeMs
      const load = Array.from({ length: lanes }, () => mintUntilDeath(client, token, delivered))
      await new Promise((done) => setTimeout(done, lifeMs))
      await service.kill()
      await Promise.all(load)
      client.close()
    }
    const store = openSqliteStore(join(plan.stateFolder, 'state.db'))
    const { count } = await verifyLedger(store)
    const recorded = new Set<string>()
    for (const row of await store.readLedger(1, count)) {
      const record = JSON.parse(row.record) as LedgerRecord
      if (record.type === 'token.issued') recorded.add(record.token?.jti ?? '')
    }
    await store.close()
    for (const jti of delivered) {
      tally.check(recorded.has(jti), `the delivered token ${jti} has no ledger record`)
    }
    tally.check(new Set(delivered).size === delivered.length, 'a jti was delivered twice')
    tally.check(delivered.length >= kills, 'too few tokens were delivered to prove anything')
    const result = tally.result()
    const unsent = recorded.size - delivered.length
    result.notes.push(
      `${kills} kills, ${delivered.length} tokens delivered, ${unsent} recorded but never delivered, ${count} records verified`,
    )
    return result
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function offer(plan: Awaited<ReturnType<typeof planTrustService>>): Promise<string> {
  const drone = plan.droneWith({})
  const build = pushBuild(plan.repository, { status: 'running' })
  await drone.sendWebhook(plan.repository, build)
  const answer = await drone.requestSecret(plan.repository, build, names.entry)
  return (JSON.parse(answer.body) as { data: string }).data
}

// Only a whole 200 counts as delivered; a cut connection is the death we are waiting for.
async function mintUntilDeath(
  client: MintClient,
  token: string,
  delivered: string[],
): Promise<void> {
  for (;;) {
    try {
      const answer = await client.mint(token)
      if (answer.status !== 200) throw new Error(`the token endpoint answered ${answer.status}`)
      delivered.push(decodeJwt(readIdToken(answer)).jti ?? '')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error
      return
    }
  }
}
