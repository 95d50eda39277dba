// One ordinary policy entry for tests: pushes to main of octo/hello.
import type { PolicyEntry } from './schema.ts'

/** An enforced entry that admits the sample build; `changes` makes it another one. */
export function sampleEntry(name: string, changes: Partial<PolicyEntry> = {}): PolicyEntry {
  return {
    name,
    mode: 'enforce',
    subjects: [
      {
        instance: 'ci-main',
        repositoryId: '42',
        repository: 'octo/hello',
        events: ['push'],
        refs: ['refs/heads/main'],
      },
    ],
    subjectForm: 'repository',
    identity: { name: 'artifacts', tenantId: 't', clientId: 'c' },
    audiences: ['api://AzureADTokenExchange'],
    lifetimeSeconds: 600,
    isDirect: false,
    grants: [],
    ...changes,
  }
}
