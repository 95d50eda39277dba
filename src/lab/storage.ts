// The lab's blob service: a thin https front that proves the caller, checks role assignments and
// logs each call like StorageBlobLogs, before Azurite, which does the rest (facts/transfer.md §2).
import { request as httpsRequest } from 'node:https'

import type { Clock } from '../core/time.ts'
import type { LabAuthority } from './authority.ts'
import { type Azurite, startAzurite } from './azurite.ts'
import type { LabEntra } from './entra.ts'
import { listenTls } from './listen.ts'
import { createForwarder } from './storage-forward.ts'
import { createFront, handleCall, type InjectedFailure, type StorageCall } from './storage-front.ts'
import { createRoleBook, type RoleAssignment } from './storage-roles.ts'

/** A running blob service. */
export type LabStorage = {
  url: string
  endpointOf: (account: string) => string
  /** Puts an assignment in force and gives its id. */
  assignRole: (assignment: RoleAssignment) => string
  removeRole: (id: string) => void
  /** While true, every call is refused as by the account's firewall. */
  denyNetwork: (isDenied: boolean) => void
  failNext: (failure: InjectedFailure) => void
  /** Creates a container behind the front: no role needed, nothing logged. */
  createContainer: (account: string, container: string) => Promise<void>
  /** The storage log; a call is in it before its answer is sent. */
  calls: readonly StorageCall[]
  close: () => Promise<void>
}

/**
 * Starts the service with these accounts, which live in Entra's own tenant; Entra's owner may do all.
 * The front goes by `now`, but Azurite behind it refuses tokens that the real time puts out of date.
 */
export async function startStorage(
  { authority, entra, now }: { authority: LabAuthority; entra: LabEntra; now: Clock },
  { accounts }: { accounts: readonly string[] },
): Promise<LabStorage> {
  const azurite = await startAzurite({ authority }, accounts)
  const forwarder = createForwarder(authority, azurite)
  const roles = createRoleBook()
  const state = createFront({ now, entra, roles, forwarder }, accounts)
  const principalId = entra.owner.objectId
  for (const account of accounts) {
    roles.assign({ principalId, role: 'Storage Blob Data Owner', account })
  }
  const front = await listenTls({ authority }, (request, response) => {
    void handleCall(state, request, response)
  })
  return {
    url: front.url,
    endpointOf: (account) => `${front.url}/${account}`,
    assignRole: (assignment) => roles.assign(assignment),
    removeRole: (id) => roles.remove(id),
    denyNetwork(isDenied) {
      state.isNetworkDenied = isDenied
    },
    failNext: (failure) => void state.failures.push({ ...failure }),
    createContainer: (account, container) =>
      createContainer({ authority, entra, azurite }, `/${account}/${container}`),
    calls: state.calls,
    async close() {
      await front.close()
      forwarder.close()
      await azurite.close()
    },
  }
}

async function createContainer(
  deps: { authority: LabAuthority; entra: LabEntra; azurite: Azurite },
  path: string,
): Promise<void> {
  const token = await deps.entra.mintOwnerToken()
  const { host, port } = deps.azurite
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'x-ms-version': '2025-11-05' }
    const options = { host, port, ca: deps.authority.caPem, method: 'PUT', headers }
    const request = httpsRequest({ ...options, path: `${path}?restype=container` }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    request.once('error', reject)
    request.end()
  })
  if (status !== 201) throw new Error(`Azurite answered ${status} to the creation of ${path}`)
}
