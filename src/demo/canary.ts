// The search for leaked secrets: every secret of a run, in every form it could have been printed in,
// in every place something was written. A control that was planted in each place must be found by
// the same search, or the search proves nothing.
import type { NamedSecret } from './trust-service.ts'

/** A place to search: an output, a log, or a file of the database. */
export type Place = { name: string; content: Buffer }

/** What was found where. */
export type Finding = { secret: string; place: string }

/** The outcome of a search. */
export type Search = { findings: Finding[]; controlFound: boolean; controlMissingIn: string[] }

const shortestPart = 16

/** Searches all places for all secrets, and for the control, which must be in every place. */
export function searchSecrets(
  places: readonly Place[],
  secrets: readonly NamedSecret[],
  control: string,
): Search {
  const findings = secrets.flatMap((secret) =>
    places.filter((place) => isIn(place, secret.value)).map((place) => toFinding(secret, place)),
  )
  const missing = places.filter((place) => !isIn(place, control)).map((place) => place.name)
  return {
    findings,
    controlFound: places.length > 0 && missing.length === 0,
    controlMissingIn: missing,
  }
}

function toFinding(secret: NamedSecret, place: Place): Finding {
  return { secret: secret.name, place: place.name }
}

function isIn(place: Place, value: string): boolean {
  return formsOf(value).some((form) => place.content.includes(form))
}

// A token's first part is its header or its address, which anyone may know; the others are secret
// each on its own.
function formsOf(value: string): string[] {
  const parts = value.includes('.') ? value.split('.').slice(1) : []
  return [value, ...parts]
    .filter((text) => text.length >= shortestPart)
    .flatMap((text) => {
      const bytes = Buffer.from(text)
      return [
        text,
        bytes.toString('base64').replace(/=+$/, ''),
        bytes.toString('base64url'),
        bytes.toString('hex'),
        encodeURIComponent(text),
      ]
    })
}
