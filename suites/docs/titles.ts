// Proofs that pages name: `[file.test.ts](path): “title”` is a test of that file, and `matrix “row”` a row of
// the suite `matrix`.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** How many proofs a page names, and those that are not there. */
export type ProofReport = { proofs: number; missing: string[] }

/** Checks the proofs of a page. */
export function checkProofs(file: string): ProofReport {
  const text = readFileSync(file, 'utf8')
  const tests = [...text.matchAll(/\]\(([^)]+\.ts)\): “([^”]+)”/g)]
  const rows = [...text.matchAll(/matrix “([^”]+)”/g)]
  const matrix = globSync('suites/matrix/rows-*.ts')
    .map((each) => readFileSync(each, 'utf8'))
    .join('\n')
  const missingTests = tests
    .filter(([, path = '', title = '']) => !holds(join(dirname(file), path), title))
    .map(([, path, title]) => `${file}: ${path} has no “${title}”`)
  const missingRows = rows
    .filter(([, row = '']) => !matrix.includes(`row: '${row}'`))
    .map(([, row]) => `${file}: the suite matrix has no row “${row}”`)
  return { proofs: tests.length + rows.length, missing: [...missingTests, ...missingRows] }
}

function holds(path: string, title: string): boolean {
  return existsSync(path) && readFileSync(path, 'utf8').includes(title)
}
