// Failures that people meet at the dashboard: signing in, forms, and pages that are not theirs.
import { row, type FaultRow } from './fault-row.ts'

/** Codes of the dashboard. */
export const dashboardFaults = {
  dashboard_provider_unavailable: row(
    502,
    5,
    'Try again; if it stays, check `sign_in.issuer` and the way from the service to it.',
    true,
  ),
  dashboard_sign_in_failed: row(403, 3, 'Go back to the sign-in page and sign in once more.'),
  dashboard_role_missing: row(
    403,
    3,
    'Ask whoever runs this service for a role: `sign_in.roles` of its configuration says which claim gives one.',
  ),
  dashboard_role_denied: row(403, 3, 'Ask somebody with that role, or for that role.'),
  dashboard_form_forged: row(
    403,
    3,
    'Load the page again and send the form from there. If you did not send one, another site did.',
  ),
  dashboard_link_spent: row(
    403,
    3,
    'Make another with `azure-storage-drone dashboard`: a link works once, for a minute.',
  ),
  dashboard_link_refused: row(
    403,
    3,
    'Sign in by the provider in `sign_in`: links are for a door on loopback only.',
  ),
  dashboard_question_invalid: row(400, 2, 'Correct the field and send the form again.'),
  dashboard_absent: row(
    404,
    4,
    'Look it up in the lists; old builds may have gone with their records.',
  ),
} satisfies Record<string, FaultRow>
