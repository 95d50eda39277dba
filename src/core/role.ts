// Who a person is at the door for people, and what each role may do there: viewers read, auditors also
// verify and export, admins also change keys, hold trials and record reviews.

/** Roles from the least to the most; each may all that those before it may. */
export const roles = ['viewer', 'auditor', 'admin'] as const

/** What a person may do at the door for people. */
export type Role = (typeof roles)[number]

/** A person, as the sign-in or the configuration names them. */
export type Person = { name: string; role: Role }

/** Whether a role is at least this one. */
export function isAtLeast(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least)
}

/** Whether a text is a role. */
export function isRole(text: unknown): text is Role {
  return (roles as readonly unknown[]).includes(text)
}
