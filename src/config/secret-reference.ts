// Secrets in a configuration stand by reference only: a file, or a variable of the environment.
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
