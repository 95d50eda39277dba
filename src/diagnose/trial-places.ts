// Where a trial looks: one place for each grant of the entry, at the address of its account. Pure.
import type { Cloud } from '../azure/clouds.ts'
import { can, isTemplate, type Grant } from '../policy/grant.ts'
import type { StoragePlace } from './probe-storage.ts'

/** A place, and what the grant lets a trial do there. */
export type TrialPlace = StoragePlace & {
  /** `ACCOUNT/blob/CONTAINER/PREFIX`, for people. */
  label: string
  /** A name that is not there is asked for, or names are listed; nothing where neither is granted. */
  looks: 'read' | 'list' | undefined
  /** Whether a probe may be made and taken away again. */
  canProbe: boolean
}

/** Which cloud an account is in, and addresses that are not its usual ones, by account and service. */
export type Addresses = {
  cloudOf: (account: string) => Cloud
  endpoints: ReadonlyMap<string, { blob?: string; file?: string }>
}

/** The places of these grants; a prefix that differs from build to build is cut where it begins to. */
export function toTrialPlaces(grants: readonly Grant[], addresses: Addresses): TrialPlace[] {
  return grants.map((grant): TrialPlace => {
    const { account, service, container, verbs, prefix } = grant
    const kind = service === 'blob' ? 'blob' : 'files'
    const endpoint = new URL(addressOf(grant, addresses))
    return {
      service: kind,
      address: {
        origin: endpoint,
        pathPrefix: endpoint.pathname.replace(/\/+$/, ''),
        container,
        ...(kind === 'files' && { place: 'share' as const }),
      },
      prefix: isTemplate(prefix) ? prefix.slice(0, prefix.indexOf('${')) : prefix,
      label: [account, kind, container, prefix].join('/'),
      looks: can(verbs, 'read') ? 'read' : can(verbs, 'list') ? 'list' : undefined,
      canProbe: can(verbs, 'create') && can(verbs, 'delete'),
    }
  })
}

function addressOf({ account, service }: Grant, { cloudOf, endpoints }: Addresses): string {
  const { blobSuffix, fileSuffix } = cloudOf(account)
  const usual = `https://${account}.${service === 'blob' ? blobSuffix : fileSuffix}`
  return endpoints.get(account)?.[service] ?? usual
}
