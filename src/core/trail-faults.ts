// Failures of looking back: traces, exports and the comparison with Azure's logs.
import { row, type FaultRow } from './fault-row.ts'

/** Codes of the trail. */
export const trailFaults = {
  trail_query_invalid: row(400, 2, 'Correct the question as described.'),
  trail_build_unknown: row(
    404,
    4,
    'Check the name and the number; a build without a request for a token has no records.',
  ),
  trail_blob_unknown: row(
    404,
    4,
    'No receipt names this file: it was written before receipts were kept, by other tools, or by others. `audit reconcile` tells who.',
  ),
  trail_workspace_denied: row(
    403,
    3,
    'Reading the workspace takes the role Log Analytics Reader on it: az role assignment create --role "Log Analytics Reader" --assignee YOU --scope WORKSPACE.',
  ),
  trail_workspace_unavailable: row(502, 5, 'Check the id of the workspace, and try again.', true),
  trail_logs_invalid: row(
    400,
    2,
    'Give what diagnostic settings write (one JSON object a line), or the result of a Log Analytics query as JSON.',
  ),
} as const satisfies Record<string, FaultRow>
