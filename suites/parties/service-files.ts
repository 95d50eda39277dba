// What our service is told before it starts: two CI servers, two repositories, all audiences.
import { randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Secret } from '../../src/core/secret.ts'
import { names, type TrustServicePlan } from '../../src/demo/trust-service.ts'
import type { createDrone, LabRepository } from '../../src/lab/drone.ts'
import type { LabApp } from '../../src/lab/entra-directory.ts'

/** Audiences of the parties, and one that none of them is. */
export const audiences = {
  azure: names.audience,
  aws: 'sts.amazonaws.com',
  google:
    'https://iam.googleapis.com/projects/4711/locations/global/workloadIdentityPools/ci/providers/drone',
  sigstore: 'sigstore',
  vault: 'https://vault.example',
  nobody: 'https://nobody.example',
} as const

/** The entry of the second repository. */
export const otherEntry = 'other-artifacts'
const otherInstance = 'other'

/** How a CI server is known to our service. */
export type Server = Pick<
  Parameters<typeof createDrone>[0],
  'instance' | 'runnerToken' | 'webhookSecret'
>

/** A second CI server in the service's configuration, where the same builds have another issuer. */
export function addInstance({ configFile, folder }: TrustServicePlan): Server {
  const [, first = ''] = readFileSync(configFile, 'utf8').split(`\n  ${names.instance}:\n`)
  const secret = (name: string): Secret => {
    const value = randomBytes(32).toString('hex')
    writeFileSync(join(folder, `${otherInstance}-${name}`), value, { mode: 0o600 })
    return new Secret(value)
  }
  const second = first.replace(/(\/)(runner\.token|webhook\.secret)/g, `$1${otherInstance}-$2`)
  appendFileSync(configFile, `  ${otherInstance}:\n${second}`)
  return {
    instance: otherInstance,
    runnerToken: secret('runner.token'),
    webhookSecret: secret('webhook.secret'),
  }
}

/** One entry for each repository, on both servers, for all audiences. */
export function policyText(
  repositories: readonly LabRepository[],
  tenantId: string,
  app: LabApp,
): string {
  const entries = repositories.map(
    ({ slug, uid }, index) => `  - name: ${index === 0 ? names.entry : otherEntry}
    subjects:
${[names.instance, otherInstance]
  .map(
    (instance) => `      - instance: ${instance}
        repository: ${slug}
        repository_id: "${uid}"
        events: [push]
        refs: [refs/heads/main]
`,
  )
  .join('')}    identity: ${names.identity}
    audiences: ${JSON.stringify(Object.values(audiences))}
    lifetime: 10m
`,
  )
  return `version: 1
identities:
  ${names.identity}: { tenant_id: ${tenantId}, client_id: ${app.clientId} }
policies:
${entries.join('')}`
}
