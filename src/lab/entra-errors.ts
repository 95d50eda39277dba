// Entra's refusals: AADSTS code → HTTP status, OAuth error (RFC 6749 §5.2) and the text people
// search for. Texts follow Entra's own answers where they are known (facts/federation.md §2).
type RefusalRow = { status: 400 | 401; error: string; text: string }

const compare =
  'Check your federated identity credential Subject, Audience and Issuer against the presented assertion.'
const federationGuide = 'https://learn.microsoft.com/entra/workload-id/workload-identity-federation'
const wrongTenant =
  'This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.'

/** Every refusal the lab's Entra can give; `{name}` in a text is filled by the refusal's facts. */
export const refusals = {
  9002313: row(400, 'invalid_request', 'Invalid request. Request is malformed or invalid.'),
  900144: row(
    400,
    'invalid_request',
    "The request body must contain the following parameter: '{parameter}'.",
  ),
  70003: row(
    400,
    'unsupported_grant_type',
    "The app requested an unsupported grant type '{grantType}'.",
  ),
  1002012: row(
    400,
    'invalid_scope',
    'The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
  ),
  700022: row(
    400,
    'invalid_scope',
    "The provided value for the input parameter 'scope' is not valid because it contains more than one resource.",
  ),
  900023: row(
    400,
    'invalid_request',
    "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
  ),
  90002: row(
    400,
    'invalid_request',
    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
  ),
  700016: row(
    400,
    'unauthorized_client',
    `Application with identifier '{clientId}' was not found in the directory '{tenant}'. ${wrongTenant}`,
  ),
  7000112: row(400, 'unauthorized_client', "Application '{clientId}'({displayName}) is disabled."),
  500011: row(
    400,
    'invalid_resource',
    `The resource principal named {resource} was not found in the tenant named {tenant}. ${wrongTenant}`,
  ),
  7000215: row(
    401,
    'invalid_client',
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{clientId}'.",
  ),
  7000218: row(
    401,
    'invalid_client',
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  ),
  7000222: row(
    401,
    'invalid_client',
    "The provided client secret keys for app '{clientId}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
  ),
  50027: row(400, 'invalid_request', 'JWT token is invalid or malformed.'),
  5002727: row(
    400,
    'invalid_request',
    "Invalid JWT header type specified, must be 'JWT' or 'http://openid.net/specs/jwt/1.0'.",
  ),
  5002723: row(
    401,
    'invalid_client',
    'Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header.',
  ),
  5002738: row(
    401,
    'invalid_client',
    "Invalid JWT token. '{algorithm}' is not a supported signature algorithm. Supported signing algorithms are: 'RS256,RS384,RS512'",
  ),
  90014: row(
    400,
    'invalid_request',
    "The required field '{claim}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.",
  ),
  70025: row(
    401,
    'invalid_client',
    "The client '{clientId}'({displayName}) has no configured federated identity credentials.",
  ),
  700211: row(
    401,
    'invalid_client',
    `No matching federated identity record found for presented assertion issuer '{issuer}'. ${compare} ${federationGuide}`,
  ),
  700212: row(
    401,
    'invalid_client',
    `No matching federated identity record found for presented assertion audience '{audience}'. ${compare} ${federationGuide}`,
  ),
  700213: row(
    401,
    'invalid_client',
    `No matching federated identity record found for presented assertion subject '{subject}'. ${compare} ${federationGuide}`,
  ),
  7002138: row(
    401,
    'invalid_client',
    `No matching federated identity record found for presented assertion subject '{subject}'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. ${compare} See documentation at: ${federationGuide}. See breaking change notification and remediation at: https://learn.microsoft.com/en-us/entra/identity-platform/reference-breaking-changes#august-2024.`,
  ),
  501661: row(400, 'invalid_request', 'Request to External OIDC endpoint failed.'),
  7000272: row(
    401,
    'invalid_client',
    "The certificate with identifier {keyId} used to sign the federated credential could not be found in the metadata of identity provider {issuer}. Please validate that your Identity Provider's metadata exposes the key used to sign the incoming token.",
  ),
  700027: row(
    401,
    'invalid_client',
    "Client assertion contains an invalid signature. [Reason - The provided signature value did not match the expected signature value., Thumbprint of key used by client: '{keyId}'].",
  ),
  700024: row(
    401,
    'invalid_client',
    'Client assertion is not within its valid time range. Current time: {now}, assertion valid from {from}, expiry time of assertion {to}. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .',
  ),
} satisfies Record<number, RefusalRow>

/** The number behind `AADSTS`. */
export type EntraCode = keyof typeof refusals

/** One refused exchange: the code and the facts its text mentions. */
export class EntraRefusal extends Error {
  readonly code: EntraCode

  constructor(code: EntraCode, facts: Readonly<Record<string, string>> = {}, cause?: unknown) {
    const text = refusals[code].text.replace(/\{(\w+)\}/g, (_, name: string) => facts[name] ?? '')
    super(`AADSTS${code}: ${text}`, cause === undefined ? {} : { cause })
    this.name = 'EntraRefusal'
    this.code = code
  }
}

/** The JSON body of a refusal in Entra's shape. */
export function describeRefusal(
  refusal: EntraRefusal,
  ids: { traceId: string; correlationId: string; now: Date },
): Record<string, unknown> {
  const timestamp = `${ids.now.toISOString().slice(0, 19).replace('T', ' ')}Z`
  return {
    error: refusals[refusal.code].error,
    error_description: `${refusal.message} Trace ID: ${ids.traceId} Correlation ID: ${ids.correlationId} Timestamp: ${timestamp}`,
    error_codes: [refusal.code],
    timestamp,
    trace_id: ids.traceId,
    correlation_id: ids.correlationId,
    error_uri: `https://login.microsoftonline.com/error?code=${refusal.code}`,
  }
}

function row(status: RefusalRow['status'], error: string, text: string): RefusalRow {
  return { status, error, text }
}
