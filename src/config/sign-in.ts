// How people sign in at the door for people: `sign_in` and `admin_url` of the configuration. Any OpenID
// provider will do; a claim of its ID token gives the role.
import { isIP } from 'node:net'

import * as z from 'zod'

import type { Role } from '../core/role.ts'
import type { Secret } from '../core/secret.ts'
import { plainUrl } from './instances.ts'
import { secretReference, type SecretReader } from './secret-reference.ts'

/** The provider, and what its claims mean here. */
export type SignInSettings = {
  issuer: string
  clientId: string
  clientSecret?: Secret
  scopes: readonly string[]
  nameClaim: string
  roleClaim: string
  roles: Readonly<Record<Role, readonly string[]>>
  /** PEM file of a private CA that the provider is served under. */
  caFile?: string
}

const text = z.string().min(1).max(500)
const values = z.array(text).default([])

/** The `sign_in` of the file. */
export const signInSchema = z.strictObject({
  // Some end in a slash, and it counts.
  issuer: z
    .url({ protocol: /^https$/, error: 'must begin with https://' })
    .refine((url) => !/[?#@]/.test(url), 'must have no query, fragment or user'),
  client_id: text,
  client_secret: secretReference.optional(),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'is no scope'))
    .refine((list) => list.includes('openid'), 'must hold openid')
    .default(['openid', 'profile', 'email']),
  name_claim: text.default('preferred_username'),
  roles: z
    .strictObject({
      claim: text.default('roles'),
      viewer: values,
      auditor: values,
      admin: values,
    })
    .refine(
      ({ viewer, auditor, admin }) => viewer.length + auditor.length + admin.length > 0,
      'gives nobody a role; name values of the claim for viewer, auditor or admin',
    ),
  ca_file: z.string().min(1).optional(),
})

/** The outside address of the door for people: scheme, host and port. */
export const adminUrlSchema = plainUrl.refine((url) => {
  const { pathname, protocol, hostname } = new URL(url)
  return pathname === '/' && (protocol === 'https:' || isLoopback(hostname.replace(/^\[|\]$/g, '')))
}, 'must be https:// (http:// on loopback only) without a path')

/** Settings of a checked `sign_in`; what is wrong with its secret is added by the reader. */
export function toSignInSettings(
  secrets: SecretReader,
  file: z.output<typeof signInSchema>,
): SignInSettings {
  const { claim, ...roles } = file.roles
  return {
    issuer: file.issuer,
    clientId: file.client_id,
    ...(file.client_secret && {
      clientSecret: secrets.shown('sign_in.client_secret', file.client_secret, {
        shortestBytes: 8,
        isShared: false,
      }),
    }),
    scopes: file.scopes,
    nameClaim: file.name_claim,
    roleClaim: claim,
    roles,
    ...(file.ca_file !== undefined && { caFile: file.ca_file }),
  }
}

/** Whether a host is this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
