// One row of the fault tables.

/** How a failure ends: HTTP status, exit code, whether a retry may help, and what to do. */
export type FaultRow = { status: number; exit: 2 | 3 | 4 | 5 | 6; retry: boolean; hint: string }

/** Writes a row; most failures do not go away by themselves. */
export function row(status: number, exit: FaultRow['exit'], hint: string, retry = false): FaultRow {
  return { status, exit, retry, hint }
}
