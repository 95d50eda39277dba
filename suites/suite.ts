// What every suite returns, and how it counts.

/** The outcome of a suite; a skipped part says why in `notes`. */
export type SuiteResult = {
  suite: string
  passed: number
  failed: number
  skipped: number
  notes: string[]
}

/** Counts checks; a failed one keeps its sentence. */
export function createTally(suite: string): {
  check: (holds: boolean, sentence: string) => void
  result: () => SuiteResult
} {
  const result: SuiteResult = { suite, passed: 0, failed: 0, skipped: 0, notes: [] }
  return {
    check: (holds, sentence) => {
      if (holds) result.passed += 1
      else {
        result.failed += 1
        result.notes.push(`failed: ${sentence}`)
      }
    },
    result: () => result,
  }
}
