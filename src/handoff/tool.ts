// Tools that take a federated identity from variables and files, and what each of them reads
// (facts/federation.md §5.1, §6). Pure.
import type { CloudName } from '../azure/clouds.ts'
import { Fault } from '../core/fault.ts'

/** A family of tools, by the cloud or the tool they are for. */
export type Tool = 'azure' | 'aws' | 'gcp' | 'terraform' | 'github'

/** Every family, in the order people read them. */
export const tools: readonly Tool[] = ['azure', 'aws', 'gcp', 'terraform', 'github']

/** What a command is to be given. */
export type Handoff = {
  tools: readonly Tool[]
  cloud: { name: CloudName; audience: string; authorityHost: string }
  aws?: { roleArn: string; audience: string }
  /** Of a workload identity provider: `//iam.googleapis.com/projects/…`. */
  gcp?: { audience: string; serviceAccount?: string }
  /** The trust service's certificate is one that other programs do not trust. */
  isPrivate: boolean
}

/** What is known once the trust service has answered. */
export type Known = {
  /** Holds the token files. */
  folder: string
  /** `<SERVICE_URL>/v1/id-token?v=1`. */
  requestUrl: string
  /** The request token itself: only for tools that ask the service on their own. */
  bearer: string
  /** Whom the policy lets this build become in Azure. */
  who: { tenantId: string; clientId: string }
  /** From the claims of an ID token. */
  build: { repositoryId: string; number: string }
}

/** A file that holds an ID token for one audience. */
export type TokenFile = { name: string; audience: string }

/** Another file, written once. */
export type OtherFile = { name: string; content: string }

const file = { azure: 'azure.jwt', aws: 'aws.jwt', gcp: 'gcp.jwt', gcpConfig: 'gcp.json' }

/** Terraform asks for tokens itself wherever it can reach the service, since its runs outlive a token. */
export function asksItself({ isPrivate }: Handoff): boolean {
  return !isPrivate
}

/** The token files that these tools read; the first one tells whom the build becomes. */
export function listTokenFiles(handoff: Handoff): TokenFile[] {
  const { tools: wanted, cloud, aws, gcp } = handoff
  const isForAzure = wanted.includes('azure') || wanted.includes('terraform')
  return [
    ...(isForAzure ? [{ name: file.azure, audience: cloud.audience }] : []),
    ...(wanted.includes('aws') && aws ? [{ name: file.aws, audience: aws.audience }] : []),
    ...(wanted.includes('gcp') && gcp
      ? [{ name: file.gcp, audience: `https:${gcp.audience}` }]
      : []),
  ]
}

/** The files beside the tokens. */
export function listOtherFiles({ tools: wanted, gcp }: Handoff, { folder }: Known): OtherFile[] {
  if (!wanted.includes('gcp') || !gcp) return []
  const { audience, serviceAccount } = gcp
  const document = {
    universe_domain: 'googleapis.com',
    type: 'external_account',
    audience,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: 'https://sts.googleapis.com/v1/token',
    credential_source: { file: `${folder}/${file.gcp}`, format: { type: 'text' } },
    ...(serviceAccount !== undefined && {
      service_account_impersonation_url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${encodeURIComponent(serviceAccount)}:generateAccessToken`,
    }),
  }
  return [{ name: file.gcpConfig, content: `${JSON.stringify(document, undefined, 2)}\n` }]
}

/** The variables that these tools read. */
export function listVariables(handoff: Handoff, known: Known): Record<string, string> {
  return Object.assign({}, ...handoff.tools.map((tool) => ofTool[tool](handoff, known)))
}

type Variables = (handoff: Handoff, known: Known) => Record<string, string>

const ofTool: Readonly<Record<Tool, Variables>> = {
  azure: ({ cloud }, { folder, who }) => ({
    AZURE_TENANT_ID: who.tenantId,
    AZURE_CLIENT_ID: who.clientId,
    AZURE_FEDERATED_TOKEN_FILE: `${folder}/${file.azure}`,
    AZURE_AUTHORITY_HOST: `${cloud.authorityHost}/`,
    AZCOPY_AUTO_LOGIN_TYPE: 'WORKLOAD',
  }),
  aws: ({ aws }, { folder, build }) => ({
    AWS_WEB_IDENTITY_TOKEN_FILE: `${folder}/${file.aws}`,
    AWS_ROLE_ARN: aws?.roleArn ?? '',
    AWS_ROLE_SESSION_NAME: toSessionName(build),
  }),
  gcp: (_, { folder }) => ({ GOOGLE_APPLICATION_CREDENTIALS: `${folder}/${file.gcpConfig}` }),
  terraform: (handoff, { folder, requestUrl, bearer, who }) => ({
    ARM_USE_OIDC: 'true',
    ARM_CLIENT_ID: who.clientId,
    ARM_TENANT_ID: who.tenantId,
    ...(handoff.cloud.name !== 'public' && { ARM_ENVIRONMENT: environments[handoff.cloud.name] }),
    ...(asksItself(handoff)
      ? {
          ARM_OIDC_REQUEST_URL: `${requestUrl}&audience=${encodeURIComponent(handoff.cloud.audience)}`,
          ARM_OIDC_REQUEST_TOKEN: bearer,
        }
      : { ARM_OIDC_TOKEN_FILE_PATH: `${folder}/${file.azure}` }),
  }),
  github: (_, { requestUrl, bearer }) => ({
    ACTIONS_ID_TOKEN_REQUEST_URL: requestUrl,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer,
  }),
}

const environments: Readonly<Record<CloudName, string>> = {
  public: 'public',
  usgov: 'usgovernment',
  china: 'china',
}

/** `drone-<repository id>-<build>` in the alphabet of AWS, at most 64 characters; the build is never cut. */
export function toSessionName({ repositoryId, number }: Known['build']): string {
  const plain = (text: string) => text.replaceAll(/[^\w+=,.@-]/g, '-')
  const end = `-${plain(number).slice(0, 32)}`
  return `drone-${plain(repositoryId)}`.slice(0, 64 - end.length) + end
}

// Each of these tools takes such a variable before the federated identity, and says nothing.
const staticKeys: Readonly<Partial<Record<Tool, readonly string[]>>> = {
  azure: ['AZURE_CLIENT_SECRET', 'AZURE_CLIENT_CERTIFICATE_PATH'],
  aws: ['AWS_ACCESS_KEY_ID'],
  terraform: ['ARM_CLIENT_SECRET', 'ARM_CLIENT_CERTIFICATE_PATH'],
}

/** Refuses an environment whose static keys would win; throws `cli_usage`. */
export function refuseStaticKeys(
  wanted: readonly Tool[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  for (const tool of wanted) {
    const name = staticKeys[tool]?.find((each) => env[each])
    if (name === undefined) continue
    throw new Fault(
      'cli_usage',
      `exec: ${name} is set, and tools for ${tool} take it before the build’s own identity.`,
      { hint: `Remove ${name} from the step: the command needs no stored key.` },
    )
  }
}
