import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { readExecRequest } from './read-request.ts'
import {
  type Handoff,
  type Known,
  listOtherFiles,
  listTokenFiles,
  listVariables,
  refuseStaticKeys,
  toSessionName,
} from './tool.ts'

const known: Known = {
  folder: '/dev/shm/asd-exec-x',
  requestUrl: 'https://trust.example/v1/id-token?v=1',
  bearer: 'asd1.x.y',
  who: { tenantId: 'tenant', clientId: 'client' },
  build: { repositoryId: '4711', number: '42' },
}
const role = 'arn:aws:iam::123456789012:role/deploy'
const provider =
  '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/d'
const ask = (line: string, more: Partial<Handoff> = {}): Handoff => {
  const request = readExecRequest([...line.split(' ').filter(Boolean), '--', 'true'], {})
  assert.ok(request !== 'help')
  return { ...request, isPrivate: false, ...more }
}
const variables = (line: string, more: Partial<Handoff> = {}) =>
  listVariables(ask(line, more), known)

describe('what each tool is given', () => {
  it('Azure’s SDKs and AzCopy: ids, file and authority', () => {
    assert.deepEqual(variables(''), {
      AZURE_TENANT_ID: 'tenant',
      AZURE_CLIENT_ID: 'client',
      AZURE_FEDERATED_TOKEN_FILE: '/dev/shm/asd-exec-x/azure.jwt',
      AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.com/',
      AZCOPY_AUTO_LOGIN_TYPE: 'WORKLOAD',
    })
    assert.deepEqual(listTokenFiles(ask('')), [
      { name: 'azure.jwt', audience: 'api://AzureADTokenExchange' },
    ])
    const [gov] = listTokenFiles(ask('--cloud usgov'))
    assert.equal(gov?.audience, 'api://AzureADTokenExchangeUSGov')
  })

  it('AWS: the file, the role, and a session that names the build', () => {
    assert.deepEqual(variables(`--for aws --aws-role-arn ${role}`), {
      AWS_WEB_IDENTITY_TOKEN_FILE: '/dev/shm/asd-exec-x/aws.jwt',
      AWS_ROLE_ARN: role,
      AWS_ROLE_SESSION_NAME: 'drone-4711-42',
    })
    const [file] = listTokenFiles(ask(`--for aws --aws-role-arn ${role}`))
    assert.equal(file?.audience, 'sts.amazonaws.com')
  })

  it('Google: an external account whose source is the file', () => {
    const handoff = ask(`--for gcp --gcp-audience https:${provider} --gcp-service-account a@b.c`)
    assert.deepEqual(listVariables(handoff, known), {
      GOOGLE_APPLICATION_CREDENTIALS: '/dev/shm/asd-exec-x/gcp.json',
    })
    assert.deepEqual(listTokenFiles(handoff), [{ name: 'gcp.jwt', audience: `https:${provider}` }])
    const [{ content } = { content: '' }] = listOtherFiles(handoff, known)
    assert.deepEqual(JSON.parse(content), {
      universe_domain: 'googleapis.com',
      type: 'external_account',
      audience: provider,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: 'https://sts.googleapis.com/v1/token',
      credential_source: { file: '/dev/shm/asd-exec-x/gcp.jwt', format: { type: 'text' } },
      service_account_impersonation_url:
        'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a%40b.c:generateAccessToken',
    })
  })

  it('Terraform: the way to ask by itself, or the file where it would not trust the service', () => {
    const base = { ARM_USE_OIDC: 'true', ARM_CLIENT_ID: 'client', ARM_TENANT_ID: 'tenant' }
    assert.deepEqual(variables('--for terraform'), {
      ...base,
      ARM_OIDC_REQUEST_URL:
        'https://trust.example/v1/id-token?v=1&audience=api%3A%2F%2FAzureADTokenExchange',
      ARM_OIDC_REQUEST_TOKEN: 'asd1.x.y',
    })
    assert.deepEqual(variables('--for terraform', { isPrivate: true }), {
      ...base,
      ARM_OIDC_TOKEN_FILE_PATH: '/dev/shm/asd-exec-x/azure.jwt',
    })
    assert.equal(variables('--for terraform --cloud china')['ARM_ENVIRONMENT'], 'china')
  })

  it('GitHub’s pair only when it is asked for by name', () => {
    const all = `--for azure,aws,gcp,terraform --aws-role-arn ${role} --gcp-audience ${provider}`
    assert.ok(Object.keys(variables(all)).every((name) => !name.startsWith('ACTIONS_')))
    assert.deepEqual(variables('--for github'), {
      ACTIONS_ID_TOKEN_REQUEST_URL: known.requestUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'asd1.x.y',
    })
  })

  it('never the request token, but to those who ask by themselves', () => {
    const all = `--for azure,aws,gcp,terraform --aws-role-arn ${role} --gcp-audience ${provider}`
    const text = JSON.stringify([
      variables(all, { isPrivate: true }),
      listOtherFiles(ask(all), known),
    ])
    assert.ok(!text.includes('asd1'))
  })
})

describe('the session name of AWS', () => {
  it('fits its alphabet and length for any repository and build, and keeps the build', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (repositoryId, number) => {
        const name = toSessionName({ repositoryId, number: String(number) })
        assert.match(name, /^[\w+=,.@-]{2,64}$/)
        assert.ok(name.endsWith(`-${number}`))
      }),
    )
    assert.equal(toSessionName({ repositoryId: 'x'.repeat(99), number: '7' }).length, 64)
  })
})

describe('the words of exec', () => {
  const wrong: [what: string, args: string[], says: RegExp][] = [
    ['no command', ['--for', 'aws'], /no command behind `--`/],
    ['nothing behind the dashes', ['--'], /no command behind `--`/],
    ['an unknown tool', ['--for', 'azure,aws2', '--', 'x'], /and not “aws2”/],
    ['no role', ['--for', 'aws', '--', 'x'], /--aws-role-arn/],
    ['no provider', ['--for', 'gcp', '--', 'x'], /--gcp-audience/],
    ['half an application', ['--tenant-id', 't', '--', 'x'], /go together/],
    ['an unknown flag', ['--verbose', '--', 'x'], /--verbose/],
    ['an unknown cloud', ['--cloud', 'moon', '--', 'x'], /“moon”/],
    ['plain http', ['--authority-host', 'http://x', '--', 'x'], /https origin/],
  ]
  for (const [what, args, says] of wrong) {
    it(`refuse ${what}`, () => {
      assert.throws(() => readExecRequest(args, {}), { code: 'cli_usage', message: says })
    })
  }

  it('leave the command alone, and take the role that AWS’s own variable names', () => {
    const args = ['--for', 'aws', '--', 'aws', 's3', 'ls', '--for', '--', 'x']
    const request = readExecRequest(args, { AWS_ROLE_ARN: role })
    assert.ok(request !== 'help')
    assert.deepEqual(request.command, ['aws', 's3', 'ls', '--for', '--', 'x'])
    assert.equal(request.aws?.roleArn, role)
  })

  it('refuse an environment whose static key the tool would take first', () => {
    const env = { AWS_ACCESS_KEY_ID: 'geheim', ARM_CLIENT_SECRET: 'geheim' }
    refuseStaticKeys(['azure', 'gcp'], env)
    for (const tool of ['aws', 'terraform'] as const) {
      assert.throws(
        () => refuseStaticKeys([tool], env),
        (error: Error) => {
          assert.ok(!error.message.includes('geheim'))
          return /is set, and tools for/.test(error.message)
        },
      )
    }
  })
})
