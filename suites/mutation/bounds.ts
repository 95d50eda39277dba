// What keeps one mutant from disturbing the next: a bound on the time of each test, and an end for
// what is thrown where no test waits for it.

const testTimeoutMs = 4000

let crash: (reason: string) => void = () => undefined

/** Lets errors thrown in timers and event handlers fail the test that is running. */
export function watchCrashes(): void {
  process.on('uncaughtException', (error: unknown) => crash(reasonOf(error)))
}

/** Runs a piece of work; why it failed, or undefined when it did not. */
export async function bounded(work: () => Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const trouble = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('time-out'), testTimeoutMs)
    crash = resolve
  })
  try {
    return await Promise.race([work().then(() => undefined), trouble])
  } catch (error) {
    return reasonOf(error)
  } finally {
    clearTimeout(timer)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
