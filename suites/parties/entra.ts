// What the lab's Entra says to wrong assertions, in its own codes; for the parties that sign in there.
import type { PartyRow } from './party.ts'

/** The word for who verifies. */
export const labEntra = 'lab Entra'

/** What has to come through the party to the person who reads its output. */
export const entraRefusals: PartyRow['expects'] = {
  right: 'accepts',
  sub: /AADSTS700213\b/,
  aud: /AADSTS700212\b/,
  iss: /AADSTS700211\b/,
  key: /AADSTS700027\b/,
  kid: /AADSTS7000272\b/,
  exp: /AADSTS700024\b/,
}
