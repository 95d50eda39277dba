// What the suite of the dashboard plays on: a store with a year of builds, the service bundle over it, and
// the lab's sign-in provider with one person for each role.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as pause } from 'node:timers/promises'

import { stringify } from 'yaml'

import { roles, type Role } from '../../src/core/role.ts'
import { startProgram, type Program } from '../../src/demo/program.ts'
import { planTrustService } from '../../src/demo/trust-service.ts'
import { createAuthority } from '../../src/lab/authority.ts'
import { startSignIn, type LabSignIn } from '../../src/lab/sign-in.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { follow } from '../../src/trail/follow.ts'
import { fillStore } from '../../src/trail/many.fixture.ts'

/** The running parts. */
export type Stage = {
  /** Origin of the admin door. */
  url: string
  adminTokenFile: string
  caFile: string
  provider: LabSignIn
  /** Records in the ledger before the service started. */
  records: number
  service: Program
  close: () => Promise<void>
}

/** How much there is to show. */
export type Amount = { builds: number; records: number }

const repositories = 240
// Nobody else wants the thread here.
const followedAtOnce = 5000

/** Password of everybody at the lab's provider; the login is the role. */
export const password = 'lab password'

/** Fills a store, starts the provider and the service over them; `command` runs the service. */
export async function openStage(
  folder: string,
  command: readonly string[],
  amount: Amount,
  say: (text: string) => void,
): Promise<Stage> {
  const authority = await createAuthority()
  const now = () => new Date()
  const plan = await planTrustService({ authority, now }, folder)
  const people = new Map(roles.map((role) => [role, { password, claims: claimsOf(role) }]))
  const nobody = { password, claims: { preferred_username: 'nobody@example.org', groups: ['all'] } }
  const client = { id: 'dashboard', redirectUris: [`${plan.adminUrl}/sign-in/callback`] }
  const provider = await startSignIn(
    { authority, now },
    { client, people: new Map([...people, ['nobody', nobody]]) },
  )
  const signIn = {
    admin_url: plan.adminUrl,
    sign_in: {
      issuer: provider.issuer,
      client_id: client.id,
      ca_file: plan.caFile,
      roles: {
        claim: 'groups',
        viewer: ['drone-viewers'],
        auditor: ['drone-auditors'],
        admin: ['drone-admins'],
      },
    },
  }
  appendFileSync(plan.configFile, `\n${stringify(signIn)}`)
  writeFileSync(join(folder, 'policy.yaml'), stringify(makePolicy()), { mode: 0o600 })
  const records = await fill(plan.stateFolder, amount, say)
  const service = await startProgram([...command, '--config', plan.configFile], {
    readyWhen: /"msg":"ready"/,
  })
  return {
    url: plan.adminUrl,
    adminTokenFile: plan.adminTokenFile,
    caFile: plan.caFile,
    provider,
    records,
    service,
    close: async () => {
      await service.kill()
      await provider.close()
    },
  }
}

function claimsOf(role: Role): Record<string, unknown> {
  return { preferred_username: `${role}@example.org`, groups: ['all', `drone-${role}s`] }
}

async function fill(
  stateFolder: string,
  amount: Amount,
  say: (text: string) => void,
): Promise<number> {
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 })
  const store = openSqliteStore(join(stateFolder, 'state.db'))
  const startedAt = performance.now()
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1)
  const records = await fillStore(store, { ...amount, seed: 8, repositories, until: new Date() })
  say(`${records} records written after ${seconds()} s`)
  const followed = await follow({ store, pause: () => pause() }, followedAtOnce)
  say(`${followed} records followed after ${seconds()} s`)
  await store.close()
  return records
}

// Entries like those that the made-up builds were admitted by.
function makePolicy(): object {
  const owners = ['octo', 'acme', 'data', 'platform']
  const parts = ['web', 'app', 'api', 'docs', 'site', 'jobs', 'model', 'infra', 'mobile', 'cache']
  const list = Array.from({ length: repositories }, (_, which) => {
    const repository = `${owners[which % 4]}/${parts[which % 10]}-${which}`
    const subject = {
      instance: which % 5 === 4 ? 'woodpecker' : 'main',
      repository,
      repository_id: String(1000 + which),
      events: ['push'],
      refs: ['refs/heads/main'],
    }
    const common = {
      identity: `app-${(1000 + which) % 40}`,
      audiences: ['api://AzureADTokenExchange'],
      lifetime: '10m',
    }
    const name = repository.replace('/', '-')
    const place = { account: `acct${(1000 + which) % 6}`, service: 'blob', container: 'builds' }
    return ['publish', 'release'].map((kind) => ({
      name: `${name}-${kind}`,
      ...(kind === 'release' && which % 7 === 0 && { mode: 'audit' }),
      subjects: [subject],
      ...common,
      grants: [
        {
          id: kind,
          ...place,
          prefix: `${parts[which % 10]}-${which}/`,
          verbs:
            kind === 'publish'
              ? ['blob.read', 'blob.list', 'blob.write', 'blob.delete']
              : ['blob.read', 'blob.list'],
        },
      ],
    }))
  })
  const identities = Array.from({ length: 40 }, (_, which) => [
    `app-${which}`,
    {
      tenant_id: '11111111-2222-3333-4444-555555555555',
      client_id: `aaaaaaaa-bbbb-cccc-dddd-${String(which).padStart(12, '0')}`,
    },
  ])
  return { version: 1, identities: Object.fromEntries(identities), policies: list.flat() }
}
