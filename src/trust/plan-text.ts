// A plan for people: one line per change with `+`, `~` or `-`, what differs below it, then the notes.
import type { Change, TrustPlan } from './change.ts'

const signs = { add: '+', update: '~', remove: '-' } as const

/** The plan as text; the last line counts. */
export function writePlan({ changes, notes }: TrustPlan): string {
  const lines = [
    ...changes.flatMap((change) => [
      `${signs[change.action]} ${writeChange(change)}`,
      ...change.differences.map((each) => `      ${each}`),
    ]),
    ...notes.map(({ message, isBlocking }) => `${isBlocking ? 'stop' : 'note'}  ${message}`),
    writeEnd({ changes, notes }),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** One change on one line, without what differs. */
export function writePlanned(change: Change): string {
  const [line = ''] = writeChange(change).split('\n', 1)
  return `${signs[change.action]} ${line}`
}

function writeChange(change: Change): string {
  const { identity } = change
  switch (change.kind) {
    case 'application':
      return `application          ${identity}: "${change.displayName}"`
    case 'managed_identity':
      return `managed identity     ${identity}: ${change.resourceId}`
    case 'service_principal':
      return `service principal    ${identity}`
    case 'credential': {
      const { subject, issuer, audience } = change.credential
      return `federated credential ${identity}: ${subject ?? '(expression)'}\n      of ${issuer} for ${audience}`
    }
    case 'role_definition':
      return `custom role          ${change.definition.name}: ${change.definition.dataActions.join(', ')}`
    default: {
      const { scope, roleName, condition } = change.assignment
      const place = scope.split('/').slice(8)
      const limit =
        condition === undefined ? '' : `\n      if ${condition.replaceAll('\n', '\n      ')}`
      return `role assignment      ${identity}: ${roleName} on ${place[0]}/${place.at(-1)}${limit}`
    }
  }
}

function writeEnd({ changes, notes }: TrustPlan): string {
  const count = (action: Change['action']) =>
    changes.filter((each) => each.action === action).length
  const stops = notes.filter(({ isBlocking }) => isBlocking).length
  const end = stops > 0 ? ` ${stops} thing(s) stand in the way.` : ''
  if (changes.length === 0) return `No change.${end}`
  return `${count('add')} to add, ${count('update')} to update, ${count('remove')} to remove.${end}`
}
