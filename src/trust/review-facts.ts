// What a review looks at beside what plans are made from: secrets and owners of applications, how storage
// accounts are locked and logged, and who signed in (facts/federation.md §3.4).
import * as z from 'zod'

import { Fault } from '../core/fault.ts'
import type { ActualApplication, ActualState } from './actual.ts'
import {
  callControl,
  type ControlDeps,
  listControl,
  pageControl,
  readForm,
  writeQuery,
} from './control.ts'
import type { DesiredState } from './desired.ts'
import { accountIdsOf } from './read-arm.ts'
import { apiVersions } from './wire.ts'

/** A secret or certificate that an application has. */
export type ReviewSecret = { kind: 'secret' | 'certificate'; keyId: string; name: string }

/** An application as a review sees it. */
export type ReviewApplication = { appId: string; secrets: ReviewSecret[]; owners: string[] }

/** A storage account as a review sees it; its id is the resource id as the policy leads to it. */
export type ReviewAccount = {
  id: string
  allowsSharedKey: boolean
  isOpen: boolean
  /** Services (`blobServices`, `fileServices`) that do not log all of it. */
  unlogged: string[]
}

/** Everything beside the state itself. */
export type ReviewFacts = {
  applications: ReviewApplication[]
  accounts: ReviewAccount[]
  /** Resource ids of containers and shares that are not there. */
  missingPlaces: string[]
  /** Ids of credentials that were used; undefined when the log cannot be read to its end. */
  usedCredentials: ReadonlySet<string> | undefined
}

const keysForm = z
  .array(z.object({ keyId: z.string().nullish(), displayName: z.string().nullish() }))
  .nullish()
const applicationForm = z.object({ passwordCredentials: keysForm, keyCredentials: keysForm })
const ownerForm = z.object({
  id: z.string(),
  displayName: z.string().nullish(),
  userPrincipalName: z.string().nullish(),
})
const accountForm = z.object({
  properties: z.object({
    allowSharedKeyAccess: z.boolean().nullish(),
    publicNetworkAccess: z.string().nullish(),
    networkAcls: z.object({ defaultAction: z.string().nullish() }).nullish(),
  }),
})
const diagnosticsForm = z.object({
  properties: z.object({
    logs: z
      .array(
        z.object({
          category: z.string().nullish(),
          categoryGroup: z.string().nullish(),
          enabled: z.boolean(),
        }),
      )
      .nullish(),
  }),
})
const signInForm = z.object({
  federatedCredentialId: z.string().nullish(),
  status: z.object({ errorCode: z.number().nullish() }).nullish(),
})

const categories = ['StorageRead', 'StorageWrite', 'StorageDelete']
// So many pages of one application's sign-ins are read at most: a busy one has thousands a day.
const signInPages = 50

/** Reads it all; `since` is how far back the sign-ins go. */
export async function readReviewFacts(
  deps: ControlDeps,
  { desired, actual }: { desired: DesiredState; actual: ActualState },
  since: Date,
): Promise<ReviewFacts> {
  const applications: ReviewApplication[] = []
  for (const each of actual.applications) applications.push(await readApplication(deps, each))
  const present = accountIdsOf(desired).filter((id) =>
    actual.accounts.some(({ name }) => id.toLowerCase().endsWith(`/${name.toLowerCase()}`)),
  )
  const accounts: ReviewAccount[] = []
  const scopes = desired.identities.flatMap(({ assignments }) =>
    assignments.map(({ scope }) => scope),
  )
  for (const id of present) {
    const services = ['blobServices', 'fileServices'].filter((service) =>
      scopes.some((scope) => scope.startsWith(`${id}/${service}/`)),
    )
    accounts.push(await readAccount(deps, id, services))
  }
  return {
    applications,
    accounts,
    missingPlaces: await findMissing(deps, scopes, present),
    usedCredentials: await readSignIns(deps, actual, since),
  }
}

async function readApplication(
  deps: ControlDeps,
  { objectId, appId }: ActualApplication,
): Promise<ReviewApplication> {
  const path = `/v1.0/applications/${objectId}`
  const select = '?$select=id,passwordCredentials,keyCredentials'
  const { body } = await callControl(deps, deps.graph, { path: path + select })
  const { passwordCredentials, keyCredentials } = readForm(deps.graph, applicationForm, body)
  const toSecrets = (kind: ReviewSecret['kind'], keys: z.output<typeof keysForm>) =>
    (keys ?? []).map(({ keyId, displayName }) => ({
      kind,
      keyId: keyId ?? '',
      name: displayName ?? '',
    }))
  const owners = await listControl(deps, deps.graph, `${path}/owners`)
  return {
    appId,
    secrets: [
      ...toSecrets('secret', passwordCredentials),
      ...toSecrets('certificate', keyCredentials),
    ],
    owners: owners.map((each) => {
      const { id, displayName, userPrincipalName } = readForm(deps.graph, ownerForm, each)
      return userPrincipalName ?? displayName ?? id
    }),
  }
}

async function readAccount(
  deps: ControlDeps,
  id: string,
  services: readonly string[],
): Promise<ReviewAccount> {
  const path = `${id}?api-version=${apiVersions.storage}`
  const { body } = await callControl(deps, deps.arm, { path })
  const { properties } = readForm(deps.arm, accountForm, body)
  const unlogged: string[] = []
  for (const service of services) {
    const settings = `${id}/${service}/default/providers/Microsoft.Insights/diagnosticSettings?api-version=${apiVersions.diagnostics}`
    const listed = await listControl(deps, deps.arm, settings)
    const logs = listed
      .flatMap((each) => readForm(deps.arm, diagnosticsForm, each).properties.logs ?? [])
      .filter(({ enabled }) => enabled)
    const isAll = logs.some(({ categoryGroup }) => /^(allLogs|audit)$/i.test(categoryGroup ?? ''))
    const isEach = categories.every((name) => logs.some(({ category }) => category === name))
    if (!isAll && !isEach) unlogged.push(service)
  }
  const isPublic = (properties.publicNetworkAccess ?? 'Enabled') === 'Enabled'
  return {
    id,
    // Azure takes a setting that was never made for a yes, here and below.
    allowsSharedKey: properties.allowSharedKeyAccess !== false,
    isOpen: isPublic && (properties.networkAcls?.defaultAction ?? 'Allow') === 'Allow',
    unlogged,
  }
}

async function findMissing(
  deps: ControlDeps,
  scopes: readonly string[],
  accountIds: readonly string[],
): Promise<string[]> {
  const missing: string[] = []
  for (const scope of new Set(scopes)) {
    if (!accountIds.some((id) => scope.startsWith(`${id}/`))) continue
    // Roles call them fileshares, and the resource itself is called shares.
    const path = scope.replace('/default/fileshares/', '/default/shares/')
    const call = { path: `${path}?api-version=${apiVersions.storage}`, accept: [404] }
    const { status } = await callControl(deps, deps.arm, call)
    if (status === 404) missing.push(scope)
  }
  return missing
}

// Newest first; reading ends as soon as every credential of the application was seen.
async function readSignIns(
  deps: ControlDeps,
  { applications, credentials }: ActualState,
  since: Date,
): Promise<ReadonlySet<string> | undefined> {
  const used = new Set<string>()
  try {
    for (const { appId } of applications) {
      const own = credentials.filter(({ clientId }) => clientId === appId)
      const filter = `signInEventTypes/any(t: t eq 'servicePrincipal') and appId eq '${appId}' and createdDateTime ge ${since.toISOString()}`
      const path = `/beta/auditLogs/signIns?${writeQuery({ $filter: filter })}`
      let pages = 0
      for await (const page of pageControl(deps, deps.graph, path)) {
        for (const each of page) {
          const { federatedCredentialId: id, status } = readForm(deps.graph, signInForm, each)
          if (id && status?.errorCode === 0) used.add(id)
        }
        if (own.every(({ id }) => used.has(id))) break
        if (++pages === signInPages) return undefined
      }
    }
  } catch (error) {
    if (error instanceof Fault && error.code === 'trust_denied') return undefined
    throw error
  }
  return used
}
