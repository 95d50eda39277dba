// The questions to Azure's own logs (Kusto), exact for one build: calls by the hash of the token that made
// them or the request id they carry, and the exchanges that gave the tokens (facts: StorageBlobLogs,
// StorageFileLogs, AADServicePrincipalSignInLogs).
import type { Story } from './trail.ts'

/** A question, and what its answer shows. */
export type Query = { name: string; shows: string; text: string }

const beforeMs = 5 * 60_000
// Calls go on for as long as a storage token lives, and logs come late.
const afterMs = 2 * 3_600_000
const columns =
  'TimeGenerated, AccountName, OperationName, StatusCode, StatusText, Uri, CallerIpAddress, RequesterAppId, RequesterObjectId, AuthenticationHash, ClientRequestId, UserAgentHeader, CorrelationId'

/** The questions for a build. */
export function queriesFor({ build, items }: Story): Query[] {
  const receipts = items.flatMap(({ receipt }) => (receipt ? [receipt] : []))
  const hashes = unique(
    receipts.flatMap(({ accessTokenSha256 }) => accessTokenSha256),
    /^[0-9a-f]{64}$/,
  )
  const correlations = unique(
    receipts.flatMap(({ correlationIds }) => correlationIds),
    /^[0-9a-f-]{36}$/i,
  )
  const span = between(
    new Date(build.firstAt.getTime() - beforeMs),
    new Date(build.lastAt.getTime() + afterMs),
  )
  return [
    {
      name: 'calls',
      shows: 'every storage call of this build',
      text: callsOf(hashes, build.trace, span),
    },
    ...(correlations.length === 0
      ? []
      : [
          {
            name: 'sign-ins',
            shows: 'the exchanges at Entra that gave its storage tokens',
            text: [
              'union isfuzzy=true AADServicePrincipalSignInLogs, AADManagedIdentitySignInLogs',
              span,
              `| where CorrelationId in~ (${list(correlations)})`,
              '| project TimeGenerated, ResultType, ResultDescription, ServicePrincipalName, ServicePrincipalId, AppId, FederatedCredentialId, UniqueTokenIdentifier, IPAddress, CorrelationId',
              '| order by TimeGenerated asc',
            ].join('\n'),
          },
        ]),
  ]
}

function callsOf(hashes: readonly string[], trace: string, span: string): string {
  const byRequest = `ClientRequestId startswith "${trace}"`
  const capitals = hashes.map((hash) => hash.toUpperCase())
  return [
    'union isfuzzy=true StorageBlobLogs, StorageFileLogs',
    span,
    '| where AuthenticationType == "OAuth"',
    capitals.length === 0
      ? `| where ${byRequest}`
      : `| where toupper(AuthenticationHash) in (${list(capitals)}) or ${byRequest}`,
    `| project ${columns}`,
    '| order by TimeGenerated asc',
  ].join('\n')
}

/** The question for all calls of applications in a span of time. */
export function callsByApps(appIds: readonly string[], from: Date, to: Date): string {
  return [
    'union isfuzzy=true StorageBlobLogs, StorageFileLogs',
    between(from, to),
    '| where AuthenticationType == "OAuth"',
    `| where RequesterAppId in~ (${list(unique(appIds, /^[0-9a-f-]{36}$/i))})`,
    `| project ${columns}`,
    '| order by TimeGenerated asc',
  ].join('\n')
}

function between(from: Date, to: Date): string {
  return `| where TimeGenerated between (datetime(${from.toISOString()}) .. datetime(${to.toISOString()}))`
}

function list(values: readonly string[]): string {
  return values.map((value) => `"${value}"`).join(', ')
}

// What steps say goes into a query only where it has the form it claims.
function unique(values: readonly string[], form: RegExp): string[] {
  return [...new Set(values)].filter((value) => form.test(value))
}
