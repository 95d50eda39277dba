// What goes wrong on the disk while a tree is planted.
import { Fault, messageOf } from '../../core/fault.ts'

/** Does some work on a path; what the system says against it becomes `cache_disk_failed`. */
export function writingTree<Value>(path: string, work: () => Value): Value {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('cache_disk_failed', `“${path}” cannot be written: ${messageOf(cause)}.`, {
      cause,
    })
  }
}
