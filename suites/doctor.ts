// The doctor on injected faults: each case starts from a healthy installation, switches one fault on and
// runs `azure-storage-drone doctor` as a process; it must name the cause.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { type DoctorCase, findSecrets, runCase } from './doctor/case.ts'
import { entraCases } from './doctor/cases-entra.ts'
import { issuerCases } from './doctor/cases-issuer.ts'
import { healthyCases, storageCases } from './doctor/cases-storage.ts'
import { tokenCases } from './doctor/cases-token.ts'
import { startDoctorLab } from './doctor/lab.ts'
import { createTally, type SuiteResult } from './suite.ts'

/** All faults, and three runs that find none. */
export const doctorCases: readonly DoctorCase[] = [
  ...healthyCases,
  ...tokenCases,
  ...entraCases,
  ...storageCases,
  ...issuerCases,
]

/** Runs the cases whose name holds `only`. */
export async function runDoctorSuite(only = ''): Promise<SuiteResult> {
  const { check, result } = createTally('doctor')
  const folder = mkdtempSync(join(tmpdir(), 'asd-doctor-'))
  const lab = await startDoctorLab(folder, resolve('dist'))
  try {
    const planted = `asd1.x.${'s'.repeat(43)}`
    const isFound = findSecrets(`{"text":"${planted}"}`, planted).length > 0
    check(isFound, 'the search for tokens finds a planted one')
    for (const each of doctorCases.filter(({ name }) => name.includes(only))) {
      const problem = await runCase(lab, each)
      check(problem === undefined, `${each.name}: ${problem}`)
    }
  } finally {
    await lab.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const outcome = result()
  const count = doctorCases.length - healthyCases.length
  if (only === '') outcome.notes.push(`${count} faults and ${healthyCases.length} healthy runs`)
  return outcome
}
