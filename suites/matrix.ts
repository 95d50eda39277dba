// Every row of the feature matrix that is marked M for us (facts/peers.md §1a and §1b), as a test of the
// shipped bundles on a lab, and what other tools make of what we wrote and we of theirs.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { interopRows } from './interop/rows.ts'
import { findTools, openTools } from './interop/tools.ts'
import { copyPrograms } from './kill/part.ts'
import { runCases } from './matrix/case.ts'
import { startMatrixLab } from './matrix/lab.ts'
import { effortRows } from './matrix/rows-effort.ts'
import { identityRows, unclaimedRows } from './matrix/rows-identity.ts'
import { movingRows } from './matrix/rows-moving.ts'
import { propertyRows } from './matrix/rows-properties.ts'
import { provedRows } from './matrix/rows-proved.ts'
import { selectingRows } from './matrix/rows-selecting.ts'
import type { SuiteResult } from './suite.ts'

const matrixRows = [
  ...identityRows,
  ...provedRows,
  ...movingRows,
  ...selectingRows,
  ...propertyRows,
  ...effortRows,
]

/** Runs the cases whose names contain `only`; Blob and Files side by side, each in order. */
export async function runMatrixSuite(only = '', dist?: string): Promise<SuiteResult> {
  const result: SuiteResult = { suite: 'matrix', passed: 0, failed: 0, skipped: 0, notes: [] }
  const isWanted = (name: string) => name.includes(only)
  const paths = findTools(process.env)
  const folder = mkdtempSync(join(tmpdir(), 'asd-matrix-'))
  try {
    const programs = dist ?? copyPrograms(join(folder, 'dist'))
    const lab = await startMatrixLab(join(folder, 'lab'), { programs })
    const tools = await openTools(lab, paths, join(folder, 'tools'))
    const rows = [...matrixRows, ...interopRows(tools)]
    try {
      await runCases(lab, rows, 'once', result, isWanted)
      await Promise.all([
        runCases(lab, rows, ['blob'], result, isWanted),
        runCases(lab, rows, ['files'], result, isWanted),
      ])
    } finally {
      await tools.close()
      await lab.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  for (const { row, why } of unclaimedRows) {
    result.skipped += 1
    result.notes.push(`skipped: ${row}: ${why}`)
  }
  return result
}
