// The policy of the doctor's lab: one entry that admits the build, and one for each way to be refused.
import { clouds } from '../../src/azure/clouds.ts'
import { names } from '../../src/demo/trust-service.ts'
import type { LabRepository } from '../../src/lab/drone.ts'

type Ids = { tenantId: string; clientId: string }

/** Names of the entries beside the usual one. */
export const entries = {
  foreign: 'foreign-tenant',
  tags: 'tags-only',
  trial: 'on-trial',
  unapplied: 'not-applied',
} as const

/** The policy file. */
export function policyFor(
  repository: LabRepository,
  { app, foreignApp }: { app: Ids; foreignApp: Ids },
): string {
  const entry = (name: string, identity: string, more = '', events = 'push') => `  - name: ${name}
    subjects:
      - instance: ${names.instance}
        repository: ${repository.slug}
        repository_id: "${repository.uid}"
        events: [${events}]
        refs: [refs/${events === 'tag' ? 'tags/*' : 'heads/main'}]
    identity: ${identity}
    audiences: [${clouds.public.federationAudience}, ${clouds.china.federationAudience}]
    lifetime: 10m
${more}`
  return `version: 1
identities:
  ${names.identity}: { tenant_id: ${app.tenantId}, client_id: ${app.clientId} }
  foreign: { tenant_id: ${foreignApp.tenantId}, client_id: ${foreignApp.clientId} }
  planned: { tenant_id: ${app.tenantId} }
policies:
${entry(names.entry, names.identity)}${entry(entries.foreign, 'foreign')}${entry(
    entries.tags,
    names.identity,
    '',
    'tag',
  )}${entry(entries.trial, names.identity, '    mode: audit\n')}${entry(entries.unapplied, 'planned')}`
}
