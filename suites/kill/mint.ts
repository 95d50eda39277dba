// The trust service under load, killed 200 times: every ID token that reached a step has its ledger
// record, no jti is used twice, and the chain is whole. Each start verifies the ledger there is, so the
// kills come in batches with a fresh installation each.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { decodeJwt } from 'jose'

import type { LedgerRecord } from '../../src/audit/event.ts'
import { verifyLedger } from '../../src/audit/verify.ts'
import { messageOf } from '../../src/core/fault.ts'
import { createMintClient, readIdToken, type MintClient } from '../../src/demo/mint-client.ts'
import {
  names,
  planTrustService,
  startTrustService,
  type TrustServicePlan,
} from '../../src/demo/trust-service.ts'
import { createAuthority, type LabAuthority } from '../../src/lab/authority.ts'
import { pushBuild } from '../../src/lab/drone.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { commandOf, type KillScene } from './part.ts'

const batches = 10
const killsPerBatch = 20
// A start is most of the time a kill takes, and keeps one core busy.
const sideBySide = 2
const lanes = 8
const longestLifeMs = 250
const app = { tenantId: crypto.randomUUID(), clientId: crypto.randomUUID() }

/** Kills the service while steps exchange tokens; no delivered token may lack its record. */
export async function killMinting(scene: KillScene): Promise<string> {
  const authority = await createAuthority()
  const sum = { kills: 0, delivered: 0, issued: 0, records: 0 }
  const runBatch = async (folder: string) => {
    const plan = await planTrustService({ authority, now: () => new Date() }, folder)
    const delivered = await killBatch(scene, authority, plan)
    const { issued, records } = await readLedger(plan)
    const recorded = new Set(issued)
    for (const jti of delivered) {
      scene.check(recorded.has(jti), `the delivered token ${jti} has no ledger record`)
    }
    scene.check(new Set(delivered).size === delivered.length, 'a jti was delivered twice')
    scene.check(recorded.size === issued.length, 'a jti is on record twice')
    sum.kills += killsPerBatch
    sum.delivered += delivered.length
    sum.issued += issued.length
    sum.records += records
  }
  const waiting = Array.from({ length: batches }, (_, index) => `batch-${index + 1}`)
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await runBatch(join(scene.folder, name)).catch((error: unknown) => {
        scene.check(false, `${name}: ${messageOf(error)}`)
      })
    }
  }
  await Promise.all(Array.from({ length: sideBySide }, work))
  const unsent = sum.issued - sum.delivered
  scene.check(unsent > 0, 'no kill fell between a record and its token, which proves little')
  return `${sum.kills} kills in ${batches} batches, ${sum.delivered} tokens delivered, ${unsent} recorded but never delivered, ${sum.records} records verified`
}

// Begins with the first token: before it there is no load to die under.
type Life = { isOver: boolean; began: PromiseWithResolvers<void> }

// The jti of every token that reached a step.
async function killBatch(
  scene: KillScene,
  authority: LabAuthority,
  plan: TrustServicePlan,
): Promise<string[]> {
  const target = { serviceUrl: plan.serviceUrl, audience: names.audience, connections: lanes }
  const delivered: string[] = []
  let token = ''
  for (let kill = 1; kill <= killsPerBatch; kill += 1) {
    const service = await startTrustService(plan, commandOf(scene, 'service.mjs'), app)
    const client = createMintClient(authority, target)
    const life: Life = { isOver: false, began: Promise.withResolvers() }
    try {
      if (token === '') token = await offer(plan)
      const load = Promise.all(
        Array.from({ length: lanes }, () => mintUntilDeath(client, token, life, delivered)),
      )
      // A lane that fails while the service lives ends the batch.
      await Promise.race([load, life.began.promise])
      await Promise.race([load, sleep(Math.random() * longestLifeMs)])
      life.isOver = true
      await service.kill()
      await load
    } finally {
      await service.kill()
      client.close()
    }
  }
  return delivered
}

// Throws when the chain is broken.
async function readLedger(plan: TrustServicePlan): Promise<{ issued: string[]; records: number }> {
  const store = openSqliteStore(join(plan.stateFolder, 'state.db'))
  try {
    const { count } = await verifyLedger(store)
    const rows = await store.readLedger('node-1', 1, count)
    const all = rows.map((row) => JSON.parse(row.record) as LedgerRecord)
    const issued = all.filter(({ type }) => type === 'token.issued')
    return { issued: issued.map(({ token }) => token?.jti ?? ''), records: count }
  } finally {
    await store.close()
  }
}

async function offer(plan: TrustServicePlan): Promise<string> {
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
  life: Life,
  delivered: string[],
): Promise<void> {
  for (;;) {
    try {
      const answer = await client.mint(token)
      if (answer.status !== 200) throw new Error(`the token endpoint answered ${answer.status}`)
      delivered.push(decodeJwt(readIdToken(answer)).jti ?? '')
      life.began.resolve()
    } catch (error) {
      const isCut = (error as NodeJS.ErrnoException).code !== undefined
      if (life.isOver && isCut) return
      throw error
    }
  }
}
