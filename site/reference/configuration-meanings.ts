// What the keys of the service's configuration mean; `*` stands for any one part of a path. A key without
// a line here fails a test.

const meanings: Readonly<Record<string, string>> = {
  issuer_url:
    'Base of the issuers, without a trailing slash; the one of an instance is `<issuer_url>/<instance>`. Relying parties read discovery and keys there',
  service_url: 'Where steps reach the `steps` door; it stands inside every request token',
  allow_http_service_url: 'Let `service_url` be http: request tokens then travel in clear',
  policy_file: 'The [policy file](policy.md); looked at every two seconds',
  state_dir: 'Database, ledger, signing keys and token key, unless they are elsewhere',
  'database.url': 'postgresql://user:password@host:port/database',
  'database.ca_file': 'PEM file of a private CA',
  'database.allow_unencrypted': 'Do without TLS, where something else encrypts the way',
  'database.max_connections': 'Connections at most',
  token_key:
    'What request tokens are derived with, 32 bytes at least; all replicas have the same one',
  node: 'Name of this process in the ledger; `node-1` when left out. Each replica has its own',
  'node.env': 'The variable that holds the name',
  'listen.*.address': 'host:port',
  'listen.*.tls.certificate_file': 'PEM file; read again when it changes',
  'listen.*.tls.key_file': 'PEM file; read again when it changes',
  'listen.*.tls.ca_file':
    'PEM file of a private CA, presented along; on `steps` its pin goes into every request token',
  'admins.*.token': 'Token of this person alone, 32 bytes at least; the name stands in the ledger',
  admin_url: 'Outside address of the admin door; people are sent back there when they sign in',
  'sign_in.issuer': 'OpenID provider that people sign in with',
  'sign_in.client_id': 'Client id of this service there',
  'sign_in.client_secret': 'Client secret, where the provider wants one beside PKCE',
  'sign_in.scopes': 'Scopes asked for',
  'sign_in.name_claim': 'Claim that names a person',
  'sign_in.roles.claim': 'Claim that gives roles',
  'sign_in.roles.viewer': 'Values of the claim that may look',
  'sign_in.roles.auditor': 'Values of the claim that may also export',
  'sign_in.roles.admin': 'Values of the claim that may also change',
  'sign_in.ca_file': 'PEM file of a private CA of the provider',
  'azure.authority_host': 'Where Entra is for trials, when not where the cloud has it',
  'azure.ca_file': 'PEM file of a private CA to trust for trials',
  'azure.endpoints.*.blob': 'Endpoint of this account for trials: private link, custom domain',
  'azure.endpoints.*.file': 'The same of Azure Files',
  'keys.store': 'Where the signing keys are; `database` where replicas share one',
  'keys.key_vault.url': 'Key Vault that signs; see [keys](../keys.md)',
  'keys.key_vault.key': 'Name of the key; made at the first start',
  'keys.key_vault.sign_in': 'How the service signs in to the vault',
  'keys.key_vault.client_id': 'The identity to sign in with, where the machine has several',
  'keys.key_vault.queue.concurrency': 'Signatures asked for at once',
  'keys.key_vault.queue.length': 'Exchanges that may wait for a signature',
  'keys.key_vault.queue.wait': 'How long one waits; `5s` when left out',
  'keys.rotate_after': 'When the next key takes over; `90d` when left out',
  'keys.check_every': 'How often the public documents are looked at; `5m` when left out',
  'keys.encryption_key': 'Private keys are encrypted with it where they are kept',
  'keys.ca_file': 'PEM file of a private CA that `issuer_url` is served under',
  'ledger.segment_records': 'Records after which a part of a chain is closed',
  'ledger.keep_days':
    'Closed parts older than this move to `archive`; for ever in the database when left out',
  'ledger.archive': 'Folder that closed parts move to; goes together with `keep_days`',
  'ledger.anchor.file': 'File that every signed checkpoint is added to',
  'ledger.anchor.syslog':
    'Syslog server that every signed checkpoint is sent to: udp://, tcp:// or unix://',
  'rate_limits.runner.burst': 'Requests of one runner at once; 600 when left out',
  'rate_limits.runner.per_minute': 'Requests of one runner in a minute; 3000 when left out',
  'rate_limits.stranger.burst': 'The same of an address without a valid token; 60 when left out',
  'rate_limits.stranger.per_minute': 'The same in a minute; 60 when left out',
  'instances.*.ci': 'What the server is',
  'instances.*.scm': 'Its source-code host, which it does not tell',
  'instances.*.webhook_secret': "The server's DRONE_WEBHOOK_SECRET, 32 bytes at least",
  'instances.*.api.url': 'The server, for its API',
  'instances.*.api.token': 'Token of a user who may read the repositories',
  'instances.*.witness':
    'Whose word confirms a build, see [witnesses](../ci.md#witnesses-the-servers-word-on-a-build)',
  'instances.*.runners.*.token': "The runner's DRONE_SECRET_PLUGIN_TOKEN, 32 bytes at least",
  'instances.*.runners.*.repositories': 'Globs of repositories it may ask for',
  'instances.*.runners.*.environ': 'Answer the environ extension: every step then sees a token',
  'instances.*.runners.*.encrypt_answers': 'Encrypt what it gets with its own token',
  'instances.*.runners.*.upstream.*.url': 'The extension that gets what is not ours',
  'instances.*.runners.*.upstream.*.token': 'Its token',
  'instances.*.woodpecker.forge_id': 'Which forge of the server the instance stands for',
  'instances.*.woodpecker.public_key_file': "PEM file of the server's public key",
  'instances.*.woodpecker.public_key': "Take the key from the server's API instead",
  'instances.*.woodpecker.images': 'Images whose steps get tokens; without a tag all tags',
  'instances.*.woodpecker.repositories': 'Globs of repositories it may ask for',
}

const shared: Readonly<Record<string, string>> = {
  ca_file: 'PEM file of a private CA to trust there',
  allow_http: 'Let the URL be http: secrets then travel in clear',
}

/** The meaning of a key by its path; undefined when nobody has written it down. */
export function meaningOf(path: string): string | undefined {
  const parts = path.split('.')
  const found = Object.entries(meanings).find(([pattern]) => {
    const wanted = pattern.split('.')
    return (
      wanted.length === parts.length &&
      wanted.every((part, index) => part === '*' || part === parts[index])
    )
  })
  return found?.[1] ?? shared[parts.at(-1) ?? '']
}
