// The command line of `azure-storage-drone exec`: flags before `--`, the command behind it.
import { parseArgs } from 'node:util'

import { type CloudName, clouds } from '../azure/clouds.ts'
import { Fault, messageOf } from '../core/fault.ts'
import { type Handoff, type Tool, tools } from './tool.ts'

/** What the words ask for; `isPrivate` is not known yet. */
export type ExecRequest = Omit<Handoff, 'isPrivate'> & {
  command: readonly string[]
  caFile?: string
  /** The identity that is expected, and the ids to use in place of the policy's. */
  identity?: string
  override?: { tenantId: string; clientId: string }
}

/** How `exec` is used. */
export const execUsage = `azure-storage-drone exec [--for azure,aws,gcp,terraform] [flags] -- COMMAND [ARGUMENT...]

Runs COMMAND with this build’s identity for tools that are not this one: short-lived token files that
only this user can read, renewed for as long as the command runs and removed at its end, and the
variables that name them. The request token is AZURE_STORAGE_DRONE_TOKEN.

  --for TOOLS              azure      Azure SDKs, AzCopy, azd (unless said: azure alone)
                           aws        AWS SDKs and CLI
                           gcp        Google libraries
                           terraform  the providers azurerm and azuread
                           github     whatever asks for tokens as in GitHub Actions; some tools then
                                      take this for GitHub
  --aws-role-arn ARN       the role to assume; AWS_ROLE_ARN stands for it
  --aws-audience TEXT      sts.amazonaws.com unless said
  --gcp-audience NAME      //iam.googleapis.com/projects/…/providers/…
  --gcp-service-account S  the account to act as, if not the federated principal itself
  --identity NAME          the identity that is expected; another one ends the command before it begins
  --tenant-id, --client-id the Azure application, in place of the policy’s
  --cloud NAME             public, usgov or china
  --authority-host URL     Entra’s authority, if not that of the cloud
  --ca-file FILE           certificates to trust beside the usual ones

The exit code is that of the command, 128 and the signal’s number when a signal ended it, 127 when there
is no such command; before it has begun 2 usage, 3 denied, 5 trouble outside.
`

const options = {
  for: { type: 'string' },
  'aws-role-arn': { type: 'string' },
  'aws-audience': { type: 'string' },
  'gcp-audience': { type: 'string' },
  'gcp-service-account': { type: 'string' },
  identity: { type: 'string' },
  'tenant-id': { type: 'string' },
  'client-id': { type: 'string' },
  cloud: { type: 'string' },
  'authority-host': { type: 'string' },
  'ca-file': { type: 'string' },
} as const

/** Reads the words; `help` when that is asked for, throws `cli_usage` for what cannot be. */
export function readExecRequest(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ExecRequest | 'help' {
  const end = args.indexOf('--')
  const flags = end === -1 ? args : args.slice(0, end)
  if (flags.includes('--help') || flags.includes('-h')) return 'help'
  const command = end === -1 ? [] : args.slice(end + 1)
  if (command.length === 0) throw usage('there is no command behind `--`')
  const values = parse(flags)
  const wanted = readTools(values.for ?? 'azure')
  const aws = wanted.includes('aws') ? readAws(values, env) : undefined
  const gcp = wanted.includes('gcp') ? readGcp(values) : undefined
  const override = readOverride(values)
  return {
    command,
    tools: wanted,
    cloud: readCloud(values),
    ...(aws && { aws }),
    ...(gcp && { gcp }),
    ...(override && { override }),
    ...(values['ca-file'] !== undefined && { caFile: values['ca-file'] }),
    ...(values.identity !== undefined && { identity: values.identity }),
  }
}

type Values = ReturnType<typeof parse>

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw usage(messageOf(error).replace(/\.$/, ''))
  }
}

function readTools(text: string): Tool[] {
  const names = text.split(',').map((name) => name.trim())
  return names.map((name) => {
    const tool = tools.find((each) => each === name)
    if (!tool) throw usage(`--for knows ${tools.join(', ')}, and not “${name}”`)
    return tool
  })
}

function readCloud({ cloud: name = 'public', 'authority-host': host }: Values): Handoff['cloud'] {
  const known = (Object.keys(clouds) as CloudName[]).find((each) => each === name)
  if (!known) throw usage(`--cloud is “${name}” and must be public, usgov or china`)
  if (host !== undefined && !/^https:\/\/[^/?#\s]+\/?$/.test(host)) {
    throw usage(`--authority-host is “${host}” and must be an https origin`)
  }
  const { federationAudience: audience, authorityHost } = clouds[known]
  return { name: known, audience, authorityHost: host?.replace(/\/$/, '') ?? authorityHost }
}

function readAws(
  values: Values,
  env: Readonly<Record<string, string | undefined>>,
): NonNullable<Handoff['aws']> {
  const roleArn = values['aws-role-arn'] ?? env['AWS_ROLE_ARN'] ?? ''
  if (!/^arn:[\w-]+:iam::[^:]*:role\/\S+$/.test(roleArn)) {
    throw usage(`--for aws takes --aws-role-arn, the ARN of a role, and it is “${roleArn}”`)
  }
  return { roleArn, audience: values['aws-audience'] ?? 'sts.amazonaws.com' }
}

function readGcp(values: Values): NonNullable<Handoff['gcp']> {
  const audience = (values['gcp-audience'] ?? '').replace(/^https:/, '')
  if (!/^\/\/iam\.googleapis\.com\/\S+\/providers\/\S+$/.test(audience)) {
    throw usage(
      `--for gcp takes --gcp-audience, the full name of a workload identity provider, and it is “${audience}”`,
    )
  }
  const serviceAccount = values['gcp-service-account']
  return { audience, ...(serviceAccount !== undefined && { serviceAccount }) }
}

function readOverride({
  'tenant-id': tenantId,
  'client-id': clientId,
}: Values): ExecRequest['override'] {
  if (tenantId === undefined && clientId === undefined) return undefined
  if (tenantId === undefined || clientId === undefined) {
    throw usage('--tenant-id and --client-id go together')
  }
  return { tenantId, clientId }
}

function usage(what: string): Fault {
  return new Fault('cli_usage', `exec: ${what}.`, {
    hint: 'Run `azure-storage-drone exec --help`.',
  })
}
