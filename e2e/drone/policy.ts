// What our service is told about the builds of the scenarios: one entry for each kind, and none for forks,
// custom builds or builds whose caller chose variables.
import { type AppIds, names } from '../../src/demo/trust-service.ts'
import type { LabRepository } from '../../src/lab/drone.ts'

/** Policy entries by what they are for. */
export const entries = {
  push: 'hello-push',
  review: 'hello-review',
  deploy: 'hello-deploy',
  nightly: 'hello-nightly',
} as const

/** Where builds are promoted to, and the cron job. */
export const environment = 'production'
export const cronJob = 'nightly'

const rules = [
  { name: entries.push, event: 'push', ref: 'refs/heads/main', tail: 'ref:refs/heads/main' },
  { name: entries.review, event: 'pull_request', ref: 'refs/pull/**', tail: 'pull_request' },
  {
    name: entries.deploy,
    event: 'promote',
    ref: 'refs/heads/main',
    tail: `environment:${environment}`,
  },
  { name: entries.nightly, event: 'cron', ref: 'refs/heads/main', tail: `cron:${cronJob}` },
]

/** The `sub` of each entry's builds. */
export function subjectsOf({ slug, uid }: LabRepository): Record<string, string> {
  return Object.fromEntries(rules.map(({ name, tail }) => [name, `repo:${slug}@${uid}:${tail}`]))
}

/** The policy file: the same for both CI servers. */
export function policyText({ slug, uid }: LabRepository, app: AppIds): string {
  const list = rules.map(({ name, event, ref }) => ({
    name,
    subjects: [names.instance, 'wood'].map((instance) => ({
      instance,
      repository: slug,
      repository_id: uid,
      events: [event],
      refs: [ref],
    })),
    identity: names.identity,
    audiences: [names.audience],
    lifetime: '10m',
  }))
  const { tenantId, clientId } = app
  return JSON.stringify({
    version: 1,
    identities: { [names.identity]: { tenant_id: tenantId, client_id: clientId } },
    policies: list,
  })
}
