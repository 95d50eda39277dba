// Writes that make a blob what it is, under a condition: Put Blob, Put Block List, Set Blob Metadata.
// When the answer to one is lost, a mark in the metadata tells our own write from a stranger's.
import { storageFault } from '../../azure/storage-faults.ts'
import { Fault } from '../../core/fault.ts'
import type { HttpHead } from '../../http/http.ts'
import type { Condition, Written } from '../remote.ts'
import { aboutCall, type CallAnswer, type CallDeps, type CallRequest, callStorage } from './call.ts'
import { type ContainerAddress, toBlobPath } from './names.ts'
import { writeMark } from './properties.ts'

/** One write: what it does in words, its request, and what must hold. */
export type ConditionalWrite = {
  name: string
  doing: string
  request: CallRequest
  condition: Condition
}

/** Writes; throws `transfer_target_exists` or `transfer_blob_changed` when the condition does not hold. */
export async function writeUnder(
  deps: CallDeps,
  address: ContainerAddress,
  { name, doing, request, condition }: ConditionalWrite,
): Promise<Written> {
  if (condition.kind === 'none') {
    return toWritten(await callStorage(deps, address, { doing, request: () => request }))
  }
  const mark = deps.newId()
  const headers = {
    ...request.headers,
    ...toConditionHeaders(condition),
    [`x-ms-meta-${writeMark}`]: mark,
  }
  const answer = await callStorage(deps, address, {
    doing,
    request: () => ({ ...request, headers }),
    accepts: [409, 412],
  })
  if (answer.status < 300) return toWritten(answer)
  if (!isClash(answer)) throw storageFault(answer, aboutCall(address, doing))
  if (answer.mayRepeat) {
    const found = await readHead(deps, address, name)
    if (found?.headers[`x-ms-meta-${writeMark}`] === mark) return toWritten(found)
  }
  throw condition.kind === 'absent'
    ? new Fault('transfer_target_exists', `“${name}” exists already in the container.`)
    : new Fault('transfer_blob_changed', `“${name}” is not what it was when the transfer began.`)
}

/** The headers of a condition. */
export function toConditionHeaders(condition: Condition): Record<string, string> {
  if (condition.kind === 'absent') return { 'if-none-match': '*' }
  return condition.kind === 'match' ? { 'if-match': condition.etag } : {}
}

/** ETag and version that a write gave. */
export function toWritten({ headers }: HttpHead): Written {
  const versionId = headers['x-ms-version-id']
  return { etag: headers['etag'] ?? '', ...(versionId !== undefined && { versionId }) }
}

/** The head of a blob; undefined when there is none of this name. */
export async function readHead(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
): Promise<CallAnswer | undefined> {
  const doing = `find “${name}”`
  const answer = await callStorage(deps, address, {
    doing,
    request: () => ({ method: 'HEAD', path: toBlobPath(address, name), headers: {} }),
    accepts: [404],
  })
  if (answer.status !== 404) return answer
  const code = answer.headers['x-ms-error-code'] ?? ''
  // An absent container, or an account that has none of that name, is not an absent blob.
  if (code !== '' && code !== 'BlobNotFound') throw storageFault(answer, aboutCall(address, doing))
  return undefined
}

// A lease or a legal hold answers with the same statuses and is something else.
function isClash({ headers }: CallAnswer): boolean {
  const code = headers['x-ms-error-code'] ?? ''
  return ['', 'BlobAlreadyExists', 'ConditionNotMet', 'TargetConditionNotMet'].includes(code)
}
