// Secrets in a configuration stand by reference only: a file, or a variable of the environment. Whoever
// proves itself to us with one has it alone.
import * as z from 'zod'

import { messageOf } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'

/** What reading a configuration needs: files by name and variables. */
export type ConfigSources = {
  readFile: (path: string) => string
  env: Readonly<Record<string, string | undefined>>
}

/** `{file: …}` or `{env: …}`, one of the two. */
export const secretReference = z
  .strictObject({ file: z.string().min(1).optional(), env: z.string().min(1).optional() })
  .refine(({ file, env }) => (file === undefined) !== (env === undefined), 'wants file or env')

/** A reference as it stands in the file. */
export type SecretReference = z.output<typeof secretReference>

/** Shortest token that we are the ones to check, in bytes. */
export const shortestTokenBytes = 32

/** The secret itself; what is wrong with it is added to `found`. */
export function resolveSecret(
  { readFile, env }: ConfigSources,
  at: string,
  { file, env: variable }: SecretReference,
  found: string[],
  shortestBytes = shortestTokenBytes,
): Secret {
  let value = ''
  try {
    value = (file === undefined ? (env[variable ?? ''] ?? '') : readFile(file)).trim()
  } catch (cause) {
    found.push(`${at}: ${messageOf(cause)}`)
    return new Secret('')
  }
  if (Buffer.byteLength(value) < shortestBytes) {
    const source = file ?? `the variable ${variable}`
    found.push(`${at}: ${source} holds fewer than ${shortestBytes} bytes`)
  }
  return new Secret(value)
}

/** Reads secrets, each of which only one door, runner or person may have. */
export type SecretReader = {
  /** A secret that callers prove themselves with. */
  own: (at: string, reference: SecretReference) => Secret
  /** One that we show others, of a length they chose; with `isShared` upstreams may have it in common. */
  shown: (
    at: string,
    reference: SecretReference,
    how: { shortestBytes: number; isShared: boolean },
  ) => Secret
}

/** A reader that knows all it has read; what is wrong is added to `found`. */
export function createSecretReader(sources: ConfigSources, found: string[]): SecretReader {
  const owners = new Map<string, string>()
  const claim = (at: string, value: Secret, isShared: boolean) => {
    const other = owners.get(value.reveal())
    if (other !== undefined && !value.isEmpty && !(isShared && other.includes('.upstream.'))) {
      found.push(`${at}: is the same secret as ${other}; each door, runner and admin needs its own`)
    }
    owners.set(value.reveal(), at)
    return value
  }
  return {
    own: (at, reference) => claim(at, resolveSecret(sources, at, reference, found), false),
    shown: (at, reference, { shortestBytes, isShared }) =>
      claim(at, resolveSecret(sources, at, reference, found, shortestBytes), isShared),
  }
}
