// Ceph's object gateway as AWS STS, IAM and S3: it is told to trust our issuer as an administrator of
// AWS would, and the AWS SDK and the AWS CLI of Debian get in with nothing but the token.
import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { type Ceph, cephPrograms, startCeph } from './ceph.ts'
import type { PartyLab } from './lab.ts'
import type { Ask, PartyKind, PartyRow } from './party.ts'
import { audiences } from './service-files.ts'

const roleArn = 'arn:aws:iam:::role/build'
const region = 'us-east-1'

// Clients learn no more than 403; why is in the gateway's log.
const deniedByPolicy = /evaluating policy for op: \d+ returned deny/
const wrongSignature = /Signature validation failed: evp verify final failed/
const expects: PartyRow['expects'] = {
  right: 'accepts',
  sub: deniedByPolicy,
  aud: deniedByPolicy,
  iss: /Couldn't get oidc provider info/,
  key: wrongSignature,
  kid: wrongSignature,
  exp: /token expired/,
}

/** The gateway, by two clients. */
export const radosgw: PartyKind = {
  needs: [...cephPrograms, 'aws'],
  rows: [
    { name: 'AWS SDK', verifier: 'Ceph radosgw', audience: audiences.aws, expects },
    { name: 'AWS CLI', verifier: 'Ceph radosgw', audience: audiences.aws, expects },
  ],
  open: async (lab) => {
    const ceph = await startCeph(lab)
    try {
      await trustIssuer(lab, ceph)
    } catch (error) {
      await ceph.close()
      throw error
    }
    const asks = [askBySdk(lab, ceph), askByCli(lab, ceph)].map((ask) => withLog(ceph, ask))
    return { asks, close: () => ceph.close() }
  },
}

function withLog(ceph: Ceph, ask: Ask): Ask {
  return async (question) => {
    const readNews = ceph.followLog()
    const { isAccepted, says } = await ask(question)
    return { isAccepted, says: `${says}\n${readNews()}` }
  }
}

// Everything from variables: the program itself knows neither role nor token nor address.
function askBySdk(lab: PartyLab, { url }: Ceph): Ask {
  const program = join(import.meta.dirname, 'programs/aws-sdk.ts')
  return async ({ token }) => {
    const { exitCode, output } = await lab.run([process.execPath, program], {
      AWS_WEB_IDENTITY_TOKEN_FILE: lab.write(`sdk-${randomUUID()}`, token),
      AWS_ROLE_ARN: roleArn,
      AWS_ROLE_SESSION_NAME: 'octo-hello-7',
      AWS_REGION: region,
      AWS_ENDPOINT_URL_STS: url,
      AWS_ENDPOINT_URL_S3: url,
      NODE_EXTRA_CA_CERTS: lab.plan.caFile,
    })
    return { isAccepted: exitCode === 0, says: output }
  }
}

// Debian 12's CLI does not know AWS_ENDPOINT_URL_STS, so the role is assumed by a command of its own.
function askByCli(lab: PartyLab, { url }: Ceph): Ask {
  return async ({ token }) => {
    const file = lab.write(`cli-${randomUUID()}`, token)
    const role = ['--role-arn', roleArn, '--role-session-name', 'octo-hello-8']
    const sts = ['sts', 'assume-role-with-web-identity', ...role]
    const assumed = await aws(lab, url, {}, [...sts, '--web-identity-token', `file://${file}`])
    if (assumed.exitCode !== 0) return { isAccepted: false, says: assumed.output }
    const { Credentials: keys } = JSON.parse(assumed.output) as {
      Credentials: Record<string, string>
    }
    const env = {
      AWS_ACCESS_KEY_ID: keys['AccessKeyId'] ?? '',
      AWS_SECRET_ACCESS_KEY: keys['SecretAccessKey'] ?? '',
      AWS_SESSION_TOKEN: keys['SessionToken'] ?? '',
    }
    const bucket = `cli-${randomUUID()}`
    for (const args of [
      ['s3', 'mb', `s3://${bucket}`],
      ['s3', 'cp', file, `s3://${bucket}/file`],
      ['s3', 'cp', `s3://${bucket}/file`, `${file}.read`],
    ]) {
      const { exitCode, output } = await aws(lab, url, env, args)
      if (exitCode !== 0) return { isAccepted: false, says: output }
    }
    const { exitCode, output } = await lab.run(['cmp', file, `${file}.read`], {})
    return { isAccepted: exitCode === 0, says: output }
  }
}

async function trustIssuer(lab: PartyLab, ceph: Ceph): Promise<void> {
  const host = lab.issuer.replace('https://', '')
  const admin = { AWS_ACCESS_KEY_ID: ceph.accessKey, AWS_SECRET_ACCESS_KEY: ceph.secretKey }
  const iam = async (...args: string[]) => {
    const { exitCode, output } = await aws(lab, ceph.url, admin, ['iam', ...args])
    if (exitCode !== 0) throw new Error(`aws iam ${args[0]} ended with ${exitCode}: ${output}`)
  }
  const trusted = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: [`arn:aws:iam:::oidc-provider/${host}`] },
        Action: ['sts:AssumeRoleWithWebIdentity'],
        Condition: {
          StringEquals: { [`${host}:aud`]: audiences.aws, [`${host}:sub`]: lab.subject },
        },
      },
    ],
  }
  const allowed = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] }],
  }
  // More audiences than the role allows, so that it is the role's condition that refuses.
  const clients = ['--client-id-list', audiences.aws, audiences.nobody]
  const provider = ['--url', lab.issuer, ...clients]
  const thumbprint = await thumbprintOf(lab)
  await iam('create-open-id-connect-provider', ...provider, '--thumbprint-list', thumbprint)
  const role = ['--role-name', 'build']
  await iam('create-role', ...role, '--assume-role-policy-document', JSON.stringify(trusted))
  const policy = ['--policy-name', 'files', '--policy-document', JSON.stringify(allowed)]
  await iam('put-role-policy', ...role, ...policy)
}

// SHA-1 of the active key's certificate, which is what Ceph means by a thumbprint.
async function thumbprintOf(lab: PartyLab): Promise<string> {
  const { body } = await lab.fetch(`${lab.issuer}/.well-known/jwks.json`)
  const { keys } = JSON.parse(body) as { keys: { x5c: string[] }[] }
  const der = Buffer.from(keys[0]?.x5c[0] ?? '', 'base64')
  return createHash('sha1').update(der).digest('hex').toUpperCase()
}

function aws(
  lab: PartyLab,
  url: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<{ exitCode: number; output: string }> {
  return lab.run(
    [
      lab.finder.find('aws'),
      ...args,
      '--endpoint-url',
      url,
      '--region',
      region,
      '--output',
      'json',
    ],
    {
      AWS_CA_BUNDLE: lab.plan.caFile,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      ...env,
    },
  )
}
