// Where Azure is for this service, when a cloud's usual addresses are not the right ones: `azure:` of
// the configuration. Only trials at the admin door go there.
import * as z from 'zod'

import { plainUrl } from './instances.ts'

/** Addresses that differ from those of the cloud; `endpoints` are by account, then by service. */
export type AzureSettings = {
  authorityHost?: string
  /** PEM file of a private CA to trust beside the public ones. */
  caFile?: string
  endpoints: ReadonlyMap<string, { blob?: string; file?: string }>
}

// Tokens go there.
const httpsUrl = plainUrl.refine((text) => text.startsWith('https:'), 'must begin with https://')

const account = z
  .string()
  .regex(/^[a-z0-9]{3,24}$/, 'must be 3 to 24 lower-case letters and digits')

/** The `azure` of the file. */
export const azureSchema = z
  .strictObject({
    authority_host: httpsUrl.optional(),
    ca_file: z.string().min(1).optional(),
    endpoints: z
      .record(account, z.strictObject({ blob: httpsUrl.optional(), file: httpsUrl.optional() }))
      .default({}),
  })
  .default({ endpoints: {} })
  .transform(({ authority_host: authorityHost, ca_file: caFile, endpoints }): AzureSettings => ({
    ...(authorityHost !== undefined && { authorityHost }),
    ...(caFile !== undefined && { caFile }),
    endpoints: new Map(
      Object.entries(endpoints).map(([name, { blob, file }]) => [
        name,
        { ...(blob !== undefined && { blob }), ...(file !== undefined && { file }) },
      ]),
    ),
  }))
