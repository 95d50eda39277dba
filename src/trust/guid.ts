// GUIDs that follow from what they name, so that a second run finds what the first one made. They are
// those of ARM's and Bicep's `guid()`: RFC 9562 version 5 over the parts joined by "-", in ARM's
// namespace. Bicep, Terraform's uuidv5() and we therefore arrive at the same names.
import { createHash } from 'node:crypto'

/** The namespace of ARM's `guid()`, as its reference documents it. */
export const armGuidNamespace = '11fb06fb-712d-4ddd-98c7-e71bbd588830'

/** What ARM's `guid(part, …)` makes of the same parts; letters of every part count. */
export function armGuid(...parts: readonly string[]): string {
  const hash = createHash('sha1')
    .update(Buffer.from(armGuidNamespace.replaceAll('-', ''), 'hex'))
    .update(parts.join('-'), 'utf8')
    .digest()
    .subarray(0, 16)
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-')
}

/** The name of the role assignment of one principal, role (its GUID) and scope: all three lower-case but the scope. */
export function assignmentGuid(scope: string, principalId: string, roleGuid: string): string {
  return armGuid(scope, principalId.toLowerCase(), roleGuid.toLowerCase())
}
