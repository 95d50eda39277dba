// What the secret extension answers. Woodpecker names no secret in its question and gives a secret
// without `images` or `events` to every step of every event, so neither is ever empty. The event is
// that of the one pipeline asked for, which is narrower than any list of a policy entry's events.
import type { Secret } from '../../core/secret.ts'
import type { SecretEvent } from './payload.ts'

/** Images of plugins that may see a token; at least one. */
export type PluginImages = readonly [string, ...string[]]

/** A token for one policy entry. */
export type EntryToken = { entry: string; token: Secret }

/** What stands before the name of a policy entry in a `from_secret`. */
export const secretPrefix = 'azure_'

/** The answer's JSON. */
export function toSecretsAnswer(
  event: SecretEvent,
  images: PluginImages,
  tokens: readonly EntryToken[],
): string {
  return JSON.stringify({
    secrets: tokens.map(({ entry, token }) => ({
      name: `${secretPrefix}${entry}`,
      value: token.reveal(),
      images,
      events: [event],
    })),
  })
}
