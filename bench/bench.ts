// What every benchmark returns.

/** Measured rows, and the goals they are held to. */
export type BenchResult = {
  bench: string
  rows: Record<string, string | number>[]
  goals: { goal: string; target: string; value: number; met: boolean }[]
}

/** The middle value; the lower of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
}
