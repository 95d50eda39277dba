// Effects that come later by the lab's clock, which may stand still or jump: whoever is about to look
// settles what is due first, so no timer is needed.
import type { Clock } from '../../core/time.ts'

/** Work in the order in which it was asked for, each not before its delay is over. */
export type Schedule = {
  /** Does the work now when the delay is zero and nothing waits. */
  run: (delaySeconds: number, work: () => void) => void
  /** Does what is due. */
  settle: () => void
}

/** An empty schedule. */
export function createSchedule({ now }: { now: Clock }): Schedule {
  let waiting: { dueAt: number; work: () => void }[] = []
  const settle = (): void => {
    const time = now().getTime()
    const due = waiting.filter(({ dueAt }) => dueAt <= time)
    waiting = waiting.filter(({ dueAt }) => dueAt > time)
    for (const { work } of due) work()
  }
  return {
    run(delaySeconds, work) {
      waiting.push({ dueAt: now().getTime() + delaySeconds * 1000, work })
      settle()
    },
    settle,
  }
}
