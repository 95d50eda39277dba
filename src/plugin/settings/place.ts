// Which account, which container or share, and under which address.
import type { Cloud } from '../../azure/clouds.ts'
import type { Reader } from './reader.ts'
import { quote } from './values.ts'

/** A container or share of an account. */
export type Place = {
  service: 'blob' | 'files'
  account: string
  /** Endpoint, the path in front of the container or share, and its name. */
  address: { origin: URL; pathPrefix: string; container: string }
}

/** Settings that belong together: a transfer that names one of them inherits none of the others. */
export const placeSettings = ['service', 'container', 'share'] as const

/** Reads the place; problems are taken down, and the value is then of no use. */
export function readPlace(reader: Reader, cloud: Cloud): Place {
  const account = readAccount(reader)
  const service = readService(reader)
  const container = readContainer(reader, service)
  const endpoint = reader.text('endpoint')
  if (endpoint !== undefined) {
    const origin = readHttpsUrl(reader, 'endpoint', endpoint)
    const pathPrefix = origin.pathname.replace(/\/+$/, '')
    return { service, account, address: { origin, pathPrefix, container } }
  }
  const suffix = service === 'blob' ? cloud.blobSuffix : cloud.blobSuffix.replace(/^blob/, 'file')
  const host = `https://${account}.${suffix}`
  const origin = new URL(URL.canParse(host) ? host : `https://${suffix}`)
  return { service, account, address: { origin, pathPrefix: '', container } }
}

/** An https URL without anything behind its path; tokens go there, never over plain http. */
export function readHttpsUrl(
  reader: Reader,
  name: 'endpoint' | 'authority_host' | 'card',
  text: string,
): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' && !url.search && !url.hash && !url.username) return url
  // What stands behind a question mark may be a SAS.
  reader.refuse(
    name,
    `is ${quote(text.replace(/\?.*/s, '?…'))} and must be an https URL without query`,
  )
  return new URL('https://invalid.invalid')
}

function readAccount(reader: Reader): string {
  const account = reader.text('account') ?? ''
  if (account && !/^[a-z\d]{3,24}$/.test(account)) {
    reader.refuse(
      'account',
      `is ${quote(account)} and must be 3 to 24 lower-case letters and digits`,
    )
  }
  return account
}

function readService(reader: Reader): Place['service'] {
  const implied = reader.has('share') && !reader.has('container') ? 'files' : 'blob'
  const service = reader.choice<Place['service']>('service', implied)
  const [own, other] =
    service === 'blob' ? (['container', 'share'] as const) : (['share', 'container'] as const)
  if (reader.has(other)) {
    const why = reader.has(own)
      ? `stands beside ${reader.label(own)}: a transfer has one of them`
      : `does not fit ${reader.label('service')}: write ${reader.label(own)}`
    reader.refuse(other, why)
  }
  return service
}

function readContainer(reader: Reader, service: Place['service']): string {
  const name = service === 'blob' ? 'container' : 'share'
  const fallback =
    service === 'blob' && reader.has('site') && reader.flag('site') ? '$web' : undefined
  const container = reader.text(name) ?? fallback
  if (container === undefined) {
    if (!reader.has('container') && !reader.has('share')) {
      reader.refuse(
        name,
        `is missing (${service === 'blob' ? 'blob container; or a file share, by `share`' : 'file share'})`,
      )
    }
    return ''
  }
  const isSpecial = service === 'blob' && /^\$(web|root|logs)$/.test(container)
  if (!isSpecial && !/^(?=.{3,63}$)[a-z\d]+(-[a-z\d]+)*$/.test(container)) {
    reader.refuse(
      name,
      `is ${quote(container)} and must be 3 to 63 lower-case letters, digits and single hyphens`,
    )
  }
  return container
}
