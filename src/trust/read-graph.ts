// Applications, service principals and federated credentials as Graph tells them (Microsoft Graph v1.0;
// credentials from beta, which alone shows flexible ones, facts/federation.md §1.2, §1.5).
import * as z from 'zod'

import type { ActualApplication, ActualCredential, ActualState } from './actual.ts'
import { callControl, type ControlDeps, listControl, readForm, writeQuery } from './control.ts'
import type { DesiredState } from './desired.ts'
import { applicationTag, identityOfUniqueName } from './ownership.ts'

/** The directory's part of a tenant's state. */
export type ActualDirectory = Pick<
  ActualState,
  'applications' | 'servicePrincipals' | 'credentials'
>

const applicationForm = z.object({
  id: z.string(),
  appId: z.string(),
  displayName: z.string().nullish(),
  uniqueName: z.string().nullish(),
})

const principalForm = z.object({
  id: z.string(),
  appId: z.string(),
  accountEnabled: z.boolean().nullish(),
})

const credentialForm = z.object({
  id: z.string(),
  name: z.string(),
  issuer: z.string().nullish(),
  subject: z.string().nullish(),
  audiences: z.array(z.string()).nullish(),
  description: z.string().nullish(),
})

const applicationFields = 'id,appId,displayName,uniqueName'

/** The applications of the policy and those we made before, with all that federation needs of them. */
export async function readDirectory(
  deps: ControlDeps,
  desired: DesiredState,
): Promise<ActualDirectory> {
  const { installation } = desired
  const found = new Map<string, ActualApplication>()
  const keep = (each: ActualApplication) => void found.set(each.appId.toLowerCase(), each)
  for (const { kind, clientId, uniqueName } of desired.identities) {
    if (kind !== 'application') continue
    const key = clientId === undefined ? `uniqueName='${uniqueName}'` : `appId='${clientId}'`
    const application = await findApplication(deps, key)
    if (application) keep(application)
  }
  // What was made for identities that have left the policy: by our tag, or by the name we give.
  const filters = [
    `tags/any(t:t eq '${applicationTag(installation)}')`,
    "startswith(displayName,'azure-storage-drone-')",
  ]
  for (const filter of filters) {
    const query = writeQuery({ $filter: filter, $select: applicationFields })
    const listed = await listControl(deps, deps.graph, `/v1.0/applications?${query}`)
    for (const each of listed) {
      const application = toApplication(readForm(deps.graph, applicationForm, each))
      if (identityOfUniqueName(installation, application.uniqueName) !== undefined)
        keep(application)
    }
  }
  const applications = [...found.values()]
  const parts = await Promise.all(
    applications.map(async (application) => ({
      principals: await readPrincipals(deps, application),
      credentials: await readCredentials(deps, application),
    })),
  )
  return {
    applications,
    servicePrincipals: parts.flatMap(({ principals }) => principals),
    credentials: parts.flatMap(({ credentials }) => credentials),
  }
}

/** The application with this key, `appId='…'` or `uniqueName='…'`; undefined when there is none. */
export async function findApplication(
  deps: ControlDeps,
  key: string,
): Promise<ActualApplication | undefined> {
  const path = `/v1.0/applications(${key})?$select=${applicationFields}`
  const { status, body } = await callControl(deps, deps.graph, { path, accept: [404] })
  if (status === 404) return undefined
  return toApplication(readForm(deps.graph, applicationForm, body))
}

/** The service principal of an application, as a list of none or one. */
export async function readPrincipals(
  deps: ControlDeps,
  { appId }: Pick<ActualApplication, 'appId'>,
): Promise<ActualState['servicePrincipals']> {
  const query = writeQuery({ $filter: `appId eq '${appId}'` })
  const listed = await listControl(deps, deps.graph, `/v1.0/servicePrincipals?${query}`)
  return listed.map((each) => {
    const { id, appId: clientId, accountEnabled } = readForm(deps.graph, principalForm, each)
    return { objectId: id, appId: clientId, isEnabled: accountEnabled !== false }
  })
}

async function readCredentials(
  deps: ControlDeps,
  { objectId, appId }: ActualApplication,
): Promise<ActualCredential[]> {
  const path = `/beta/applications/${objectId}/federatedIdentityCredentials`
  const listed = await listControl(deps, deps.graph, path)
  return listed.map((each) => {
    const { id, name, issuer, subject, audiences, description } = readForm(
      deps.graph,
      credentialForm,
      each,
    )
    return {
      clientId: appId,
      id,
      name,
      issuer: issuer ?? '',
      subject: subject ?? null,
      audiences: audiences ?? [],
      // Empty, not absent: absence is the mark of a managed identity's credential.
      description: description ?? '',
    }
  })
}

function toApplication(found: z.output<typeof applicationForm>): ActualApplication {
  const { id, appId, displayName, uniqueName } = found
  return {
    objectId: id,
    appId,
    displayName: displayName ?? appId,
    ...(uniqueName && { uniqueName }),
  }
}
