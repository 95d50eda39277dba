// The signing keys as the admin door shows them, and a rotation ordered there: the same orders as
// `issuer rotate` gives, recorded with the name of whoever gave them.
import type { Ledger } from '../audit/ledger.ts'
import type { RingSigner } from '../keys/place-signer.ts'
import { after, publishedKeys, removableAt, ripeAt, type RingKey } from '../keys/ring.ts'
import type { KeysAnswer } from '../trust/admin-api.ts'

type KeyRow = KeysAnswer['keys'][number]

/** Every published key and when what happens to it. */
export function showKeys(signer: Pick<RingSigner, 'ring' | 'rules'>): KeysAnswer {
  return { keys: publishedKeys(signer.ring()).flatMap((key) => toRow(signer, key) ?? []) }
}

/** Makes the next key, or in an emergency lets it sign at once; throws keys_* or audit_unavailable. */
export async function orderRotation(
  { signer, ledger }: { signer: RingSigner; ledger: Ledger },
  { isEmergency }: { isEmergency: boolean },
  admin: string,
): Promise<KeysAnswer> {
  const what = isEmergency ? 'an emergency rotation of the signing keys' : 'the next signing key'
  await ledger.append({
    type: 'key.ordered',
    decision: 'info',
    detail: `${admin} ordered ${what}.`,
    caller: { door: 'admin', admin },
  })
  // Neither order can be refused: what may not sign yet is only made.
  await signer.change({
    command: isEmergency ? { kind: 'activate', isEmergency } : { kind: 'prepare' },
  })
  return showKeys(signer)
}

function toRow({ rules }: Pick<RingSigner, 'rules'>, key: RingKey): KeyRow | undefined {
  const { kid, state, createdAt, activatedAt } = key
  const times = {
    createdAt: createdAt.toISOString(),
    ...(activatedAt && { activatedAt: activatedAt.toISOString() }),
  }
  switch (state) {
    case 'next': {
      const ripe = ripeAt(rules, key)
      return { kid, state, ...times, ...(ripe && { rotatesAt: ripe.toISOString() }) }
    }
    case 'active': {
      const due = after(activatedAt ?? createdAt, rules.rotateAfterSeconds)
      return { kid, state, ...times, rotatesAt: due.toISOString() }
    }
    case 'retired':
      return { kid, state, ...times, removableAt: removableAt(rules, key).toISOString() }
    default:
      return undefined
  }
}
