// Settings of other plugins that mean nothing here, and what to write instead.

/** Settings that carry a static key; they are refused by name. */
export const staticKeySettings: readonly string[] = [
  'access_key',
  'account_key',
  'client_certificate',
  'client_secret',
  'connection_string',
  'json_key',
  'key',
  'password',
  'sas',
  'sas_token',
  'sas_url',
  'secret',
  'secret_key',
  'session_token',
  'shared_key',
  'storage_account_key',
  'storage_key',
]

/** Settings with a meaning elsewhere, and where that meaning is here. */
export const foreignSettings: Readonly<Record<string, string>> = {
  acl: 'access is granted by roles on the container: leave it out',
  access: 'access is granted by roles on the container: leave it out',
  blob_target: 'write `target`',
  cloudfront_distribution: 'there is no CDN of that name here: leave it out',
  download: 'write `action: download`',
  download_target: 'write `target`',
  encryption: 'Azure Storage encrypts everything: leave it out',
  fetch_dir: 'write `action: download` with `source`',
  gzip: 'write `compress`, a list of globs such as `*.js`',
  md5: 'write `integrity: md5`',
  path_style: 'the account has one address: leave it out',
  put_md5: 'write `integrity: md5`',
  region: 'the account name is enough: leave it out',
  rebuild: 'write `action: save`',
  restore: 'write `action: restore`',
  storage_class: 'write `tier`',
}
