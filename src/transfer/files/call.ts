// A call to File Storage: one to any storage, plus what Files wants with every request that carries a
// bearer token (facts/transfer.md §7 "Files OAuth").
import { storageFault } from '../../azure/storage-faults.ts'
import type { Fault } from '../../core/fault.ts'
import { type Call, type CallAnswer, type CallDeps, aboutCall, callStorage } from '../blob/call.ts'
import type { ShareAddress } from './names.ts'

/** A share and the means to call it. */
export type FilesDeps = { call: CallDeps; address: ShareAddress }

const always = {
  // The role's right to pass over file permissions has to be claimed with every request.
  'x-ms-file-request-intent': 'backup',
  // Else `a.` would silently be `a`.
  'x-ms-allow-trailing-dot': 'true',
}

/** Makes one call; throws a Fault, or `Halted` when the transfer ends. */
export function callFiles({ call: deps, address }: FilesDeps, call: Call): Promise<CallAnswer> {
  return callStorage(deps, address, {
    ...call,
    request: (tryNumber) => {
      const request = call.request(tryNumber)
      return { ...request, headers: { ...request.headers, ...always } }
    },
  })
}

/** The fault for an answer the caller wanted to see and cannot use. */
export function refused({ address }: FilesDeps, answer: CallAnswer, doing: string): Fault {
  return storageFault(answer, aboutCall(address, doing))
}

/** The service's code for a refusal; empty when it gave none. */
export function codeOf({ headers }: Pick<CallAnswer, 'headers'>): string {
  return headers['x-ms-error-code'] ?? ''
}

/** Whether an answer says that there is nothing, as opposed to no share. */
export function isAbsent(answer: Pick<CallAnswer, 'status' | 'headers'>): boolean {
  const code = codeOf(answer)
  return answer.status === 404 && !code.startsWith('Share')
}
