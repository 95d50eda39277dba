// Runs one benchmark: `npm run bench -- NAME [--json]`. With --json the last line is one object
// `{bench, rows, goals}`; a goal that is missed makes the exit code 3.
import type { BenchResult } from './bench.ts'

const benches: Record<string, () => Promise<BenchResult>> = {
  ledger: async () => (await import('./ledger.ts')).measureLedger(),
  mint: async () => (await import('./mint.ts')).measureMint(),
  policy: async () => (await import('./policy.ts')).measurePolicy(),
  start: async () => (await import('./start.ts')).measureStart(),
  transfer: async () => (await import('./transfer.ts')).measureTransfer(),
}

const [name = '', ...flags] = process.argv.slice(2)
const bench = benches[name]
if (!bench) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(benches).join('|')} [--json]\n`)
  process.exit(2)
}
const result = await bench()
console.table(result.rows)
console.table(result.goals)
if (flags.includes('--json')) process.stdout.write(`${JSON.stringify(result)}\n`)
// 1 is for a benchmark that could not run.
process.exitCode = result.goals.every((goal) => goal.met) ? 0 : 3
