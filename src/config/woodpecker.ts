// The Woodpecker part of an instance: what stands in place of runners, because the server itself asks
// (docs/ci.md).
import * as z from 'zod'

import { messageOf } from '../core/fault.ts'
import { glob } from './repositories.ts'
import type { ConfigSources } from './secret-reference.ts'

/** What an instance that is a Woodpecker server has beside its `api`, and in place of runners. */
export type WoodpeckerSettings = {
  /** Which of the server's forges the instance stands for. */
  forgeId: number
  /** The server's key (PEM); absent, the server's own word on it is followed. */
  publicKey?: string
  /** The plugin's image: no step of another one gets a token. */
  images: readonly [string, ...string[]]
  repositories: readonly string[]
}

// As Woodpecker itself reads a name of an image.
const imageForm =
  /^([\w\-.]+(:\d+)?\/)?([\w\-.][\w\-./]*\/)?[\w\-.]+(:[\w\-.]+)?(@sha256:[a-f\d]{64})?$/

const image = z
  .string()
  .regex(imageForm, 'is no name of an image')
  .refine((name) => !/^[^/]+:\d+\/[^:@]+$/.test(name), {
    message: 'needs a tag: without one Woodpecker takes the port of the registry for it',
  })

/** The `woodpecker` of an instance in the file. */
export const woodpeckerSchema = z
  .strictObject({
    forge_id: z.number().int().min(1).default(1),
    public_key_file: z.string().min(1).optional(),
    public_key: z.literal('from_api').optional(),
    images: z.tuple([image], image),
    repositories: z.array(glob).min(1),
  })
  .refine(
    ({ public_key_file: file, public_key: how }) => (file === undefined) !== (how === undefined),
    'wants public_key_file, or public_key: from_api',
  )

type WoodpeckerFile = z.output<typeof woodpeckerSchema>

/** What is told beside it of the same instance. */
export type Beside = {
  hasRunners: boolean
  hasWebhookSecret: boolean
  witness: string | undefined
  apiUrl: string | undefined
}

/** The settings with the key read; what is wrong, also beside it, is added to `found`. */
export function toWoodpecker(
  { readFile }: Pick<ConfigSources, 'readFile'>,
  at: string,
  file: WoodpeckerFile,
  { hasRunners, hasWebhookSecret, witness, apiUrl }: Beside,
  found: string[],
): WoodpeckerSettings {
  if (apiUrl === undefined) {
    found.push(`${at}: a Woodpecker server needs an api: it is the only witness of its pipelines`)
  }
  if (hasRunners) found.push(`${at}.runners: a Woodpecker server has none; it asks by itself`)
  if (hasWebhookSecret) found.push(`${at}.webhook_secret: a Woodpecker server sends no webhooks`)
  if (witness !== undefined && witness !== 'api') {
    found.push(`${at}.witness: of a Woodpecker server only its api can be`)
  }
  if (file.public_key === 'from_api' && apiUrl?.startsWith('https:') === false) {
    found.push(`${at}.woodpecker.public_key: over http anybody could answer; use https or a file`)
  }
  const { forge_id: forgeId, public_key_file: keyFile, images, repositories } = file
  const settings: WoodpeckerSettings = { forgeId, images, repositories }
  if (keyFile === undefined) return settings
  try {
    return { ...settings, publicKey: readFile(keyFile) }
  } catch (cause) {
    found.push(`${at}.woodpecker.public_key_file: ${messageOf(cause)}`)
    return settings
  }
}
