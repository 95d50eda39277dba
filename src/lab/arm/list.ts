// Lists as ARM gives them: `value` and, when there is more, `nextLink` (resource provider contract).
import { takePage } from '../control/page.ts'
import { type ControlAnswer, ControlRefusal } from '../control/server.ts'
import type { ArmCall, ArmObject } from './state.ts'

/** Answers with one page of the objects. */
export function answerPage(call: ArmCall, objects: readonly ArmObject[]): ControlAnswer {
  const { page, nextLink } = takePage(call, objects, call.state.settings.pageSize)
  return { status: 200, body: { value: page, ...(nextLink !== undefined && { nextLink }) } }
}

/** 400 for a $filter that this list does not have. */
export function refuseFilter(text: string): ControlRefusal {
  return new ControlRefusal(
    400,
    'UnsupportedQuery',
    `The filter '${text}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{value}' or assignedTo('{value}')'.`,
  )
}
