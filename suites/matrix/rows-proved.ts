// Rows whose proof is an end-to-end test of its own, with a lab of its own: it is run as it stands.
import assert from 'node:assert/strict'

import { runProgram } from '../../src/demo/program.ts'
import type { Case } from './case.ts'

/** Cases that other tests prove. */
export const provedRows: readonly Case[] = [
  {
    row: 'Set up / review / rotate trust by CLI',
    aspect: 'set up',
    on: 'once',
    run: () => passTests('test/e2e/trust-first-day.test.ts', 'test/e2e/trust-apply.test.ts'),
  },
  {
    row: 'Set up / review / rotate trust by CLI',
    aspect: 'review',
    on: 'once',
    run: () => passTests('test/e2e/trust-review.test.ts', 'test/e2e/trust-review-since.test.ts'),
  },
  {
    row: 'Set up / review / rotate trust by CLI',
    aspect: 'rotate, with builds all the while',
    on: 'once',
    run: () => passTests('test/e2e/trust-rotate.test.ts'),
  },
  {
    row: 'OIDC on OSS Drone / Woodpecker',
    aspect: 'Woodpecker, as its lab signs and asks',
    on: 'once',
    run: () => passTests('src/issuer/woodpecker.test.ts', 'src/ci/woodpecker/signature.test.ts'),
  },
]

async function passTests(...files: string[]): Promise<void> {
  const command = [process.execPath, '--test', '--test-isolation=none', ...files]
  const { exitCode, output } = await runProgram(command, {
    cwd: process.cwd(),
    env: { PATH: process.env['PATH'] ?? '' },
  })
  assert.equal(exitCode, 0, output.slice(-4000))
  // A file without tests passes, too.
  assert.match(output, /^# pass [1-9]|^ℹ pass [1-9]/m)
}
