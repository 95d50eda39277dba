// How many federated credentials an identity would need with each subject form (DESIGN §5.5).
import type { PlacedEntry } from './audience.ts'

/** Federated credentials that one application or managed identity can have (facts/federation.md §1.1). */
export const credentialLimit = 20

/** Which subject form brings the credentials of these entries down, in one sentence. */
export function adviseForm(entries: readonly PlacedEntry[]): string {
  const pairs = new Set(
    entries.flatMap(({ entry }) =>
      entry.subjects.map(({ instance }) => `${instance} ${entry.name}`),
    ),
  )
  const instances = new Set(
    entries.flatMap(({ entry }) => entry.subjects.map(({ instance }) => instance)),
  )
  const classes = entries.map(
    ({ entry }) => new Set(entry.subjects.flatMap(({ events }) => events)),
  )
  const isEachOne = classes.every(({ size }) => size === 1)
  const isAllOne = isEachOne && new Set(classes.flatMap((each) => [...each])).size === 1
  const counts = `With \`subject: policy\` it would be ${pairs.size}, with \`subject: identity\` ${instances.size}`
  if (pairs.size <= credentialLimit) {
    const split = isEachOne ? '' : ', once each entry covers one trust class'
    return `${counts}: use \`subject: policy\`${split}.`
  }
  if (instances.size > credentialLimit) return `${counts}: split the identity.`
  const split = isAllOne ? '' : ', once all entries cover the same one trust class'
  return `${counts}: use \`subject: identity\`${split}.`
}
