// Work that is done several at once and told in the order it was asked for.

/** Does `work` for at most `window` items at once; what fails ends it, when all that runs has ended. */
export async function* mapInOrder<Item, Value>(
  source: AsyncIterable<Item> | Iterable<Item>,
  window: number,
  work: (item: Item) => Promise<Value>,
): AsyncGenerator<Value> {
  const running: Promise<Value>[] = []
  try {
    for await (const item of source) {
      const value = work(item)
      // Its turn to fail may never come, when one before it does.
      value.catch(() => undefined)
      running.push(value)
      if (running.length < window) continue
      const first = running.shift()
      if (first) yield await first
    }
    for (let first = running.shift(); first; first = running.shift()) yield await first
  } finally {
    await Promise.allSettled(running)
  }
}
