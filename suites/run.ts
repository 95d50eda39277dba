// Runs one large suite: `npm run suite -- NAME [--json] [--allow-skip]`. Prints `N passed, N failed`;
// with --json the last line is one object.
import type { SuiteResult } from './suite.ts'

const [name = '', ...flags] = process.argv.slice(2)
// Part of the names of cases, to run only those.
const only = flags.find((flag) => !flag.startsWith('--')) ?? ''

const suites: Record<string, () => Promise<SuiteResult>> = {
  dashboard: async () => (await import('./dashboard.ts')).runDashboardSuite(),
  doctor: async () => (await import('./doctor.ts')).runDoctorSuite(only),
  docs: async () => (await import('./docs.ts')).runDocsSuite(only),
  drone: async () => (await import('./drone.ts')).runDroneSuite(only),
  images: async () => (await import('./images.ts')).runImagesSuite(),
  kill: async () => (await import('./kill.ts')).runKillSuite(),
  matrix: async () => (await import('./matrix.ts')).runMatrixSuite(only),
  mutation: async () => (await import('./mutation.ts')).runMutationSuite(),
  replicas: async () => (await import('./replicas.ts')).runReplicasSuite(),
  parties: async () => (await import('./parties.ts')).runPartiesSuite(only),
}

const suite = suites[name]
if (!suite) {
  process.stderr.write(`usage: npm run suite -- ${Object.keys(suites).join('|')} [--json]\n`)
  process.exit(2)
}
const result = await suite()
for (const note of result.notes) process.stdout.write(`${note}\n`)
process.stdout.write(
  `${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped\n`,
)
if (flags.includes('--json')) process.stdout.write(`${JSON.stringify(result)}\n`)
const isSkipFine = result.skipped === 0 || flags.includes('--allow-skip')
process.exit(result.failed === 0 && result.passed > 0 && isSkipFine ? 0 : 1)
