// The ways to sign in of `--sign-in`, through Microsoft's own library: with an `az` that answers as Azure CLI
// is documented to, and with a federated token at the lab's Entra; refused, each ends in one sentence.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { type Finished, runProgram } from '../../src/demo/program.ts'
import { createAuthority } from '../../src/lab/authority.ts'
import { startTestIssuer, type TestIssuer } from '../../src/lab/issuer.fixture.ts'
import { startTrustLab, type TrustLab } from './trust-lab.fixture.ts'

const policy = `version: 1
accounts:
  acmeart: { subscription: SUBSCRIPTION, resource_group: GROUP }
identities:
  artifacts: { tenant_id: TENANT }
policies:
  - name: publish
    subjects:
      - { instance: main, repository: octo/hello, repository_id: "42", events: [push], refs: [refs/heads/main] }
    identity: artifacts
    audiences: [api://AzureADTokenExchange]
`

// What `az account get-access-token` takes and prints (Azure CLI reference); without tokens nobody is
// signed in.
const az = `#!/bin/sh
folder=$(dirname "$0")
if [ "$1 $2 $3 $4 $5 $7" != "account get-access-token --output json --resource --tenant" ]; then
  echo "ERROR: unrecognized arguments: $*" >&2; exit 2
fi
token=$(cat "$folder/$(echo "$6" | sed 's|https://||; s|/.*||')" 2>/dev/null)
if [ -z "$token" ]; then
  echo "ERROR: Please run 'az login' to setup account." >&2; exit 1
fi
printf '{"accessToken": "%s", "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800, "subscription": "s", "tenant": "%s", "tokenType": "Bearer"}' "$token" "$8"
`

let lab: TrustLab
let issuer: TestIssuer
let caFile: string

describe('trust --sign-in', () => {
  before(async () => {
    const authority = await createAuthority()
    lab = await startTrustLab(authority)
    lab.writePolicy(policy)
    issuer = await startTestIssuer({ authority, now: () => new Date() })
    caFile = join(lab.folder, 'ca.pem')
    writeFileSync(caFile, authority.caPem)
  })
  after(async () => {
    await issuer.close()
    await lab.close()
  })

  const plan = (way: string, env: Record<string, string>): Promise<Finished> => {
    const { graph, arm } = lab.azure
    const cli = [process.execPath, resolve('bin/cli.ts'), 'trust', 'plan', lab.policyFile]
    const where = ['--ca-file', caFile, '--graph-url', graph.url, '--arm-url', arm.url]
    return runProgram([...cli, '--config', lab.configFile, ...where, '--sign-in', way], {
      cwd: lab.folder,
      env,
    })
  }
  const assertPlanned = ({ exitCode, output }: Finished) => {
    assert.equal(exitCode, 4, output)
    assert.match(output, /\n3 to add, 0 to update, 0 to remove\.\n$/)
  }
  const assertRefused = ({ exitCode, output }: Finished, why: RegExp) => {
    assert.equal(exitCode, 3, output)
    assert.match(
      output,
      /^Nobody could be signed in to the tenant [\da-f-]+: .*\nwhat to do: .*\n$/,
    )
    assert.match(output, why)
  }

  test('cli takes the tokens of Azure CLI, one for each API', async () => {
    const folder = join(lab.folder, 'bin')
    mkdirSync(folder)
    writeFileSync(join(folder, 'az'), az)
    chmodSync(join(folder, 'az'), 0o755)
    const env = { PATH: `${folder}:/usr/bin:/bin` }
    assertRefused(await plan('cli', env), /az login/)
    const { administrator } = lab.azure
    writeFileSync(join(folder, 'graph.microsoft.com'), await administrator.graphToken())
    writeFileSync(join(folder, 'management.azure.com'), await administrator.armToken())
    assertPlanned(await plan('cli', env))
  })

  test('cli says that there is no Azure CLI', async () => {
    const folder = join(lab.folder, 'empty')
    mkdirSync(folder)
    assertRefused(await plan('cli', { PATH: folder }), /Azure CLI could not be found/)
  })

  test('workload-identity exchanges the token in the file, and says what is wrong with it', async () => {
    const audience = 'api://AzureADTokenExchange'
    const { app } = lab.azure.addAdministrator({
      graphPermissions: ['Application.Read.All'],
      roles: ['Reader'],
    })
    const subject = 'system:serviceaccount:ci:trust'
    app.addCredential({ name: 'cluster', issuer: issuer.url, subject, audience })
    const file = join(lab.folder, 'federated.token')
    const env = {
      AZURE_TENANT_ID: lab.azure.tenantId,
      AZURE_CLIENT_ID: app.clientId,
      AZURE_FEDERATED_TOKEN_FILE: file,
      AZURE_AUTHORITY_HOST: lab.azure.entra.url,
    }
    const tokenOf = (sub: string) =>
      issuer.sign({ claims: { iss: issuer.url, sub, aud: audience } })
    assertRefused(await plan('workload-identity', env), /ENOENT/)
    writeFileSync(file, await tokenOf('system:serviceaccount:ci:other'))
    assertRefused(await plan('workload-identity', env), /AADSTS70021/)
    const token = await tokenOf(subject)
    writeFileSync(file, token)
    const planned = await plan('workload-identity', env)
    assertPlanned(planned)
    assert.equal(planned.output.includes(token), false)
  })

  test('workload-identity and environment say which variables they miss', async () => {
    assertRefused(await plan('workload-identity', {}), /AZURE_CLIENT_ID/)
    assertRefused(await plan('environment', {}), /EnvironmentCredential is unavailable/)
  })
})
