// The buffer a connection reads into. While bytes of it are held, further reads go behind them: TLS
// delivers the records it has decrypted even after reading was stopped.

/** Gives node:net the next place to read into, and knows what is being held. */
export type ReadBuffer = {
  next: () => Buffer
  /** Keeps what was just read until `reset`; false when there is little room for more. */
  hold: (bytes: Buffer) => boolean
  reset: () => void
}

/** Makes the buffer; it takes a second one only when what is held leaves too little room. */
export function createReadBuffer(sizeBytes: number): ReadBuffer {
  const own = Buffer.allocUnsafeSlow(sizeBytes)
  const leastBytes = sizeBytes / 4
  const held = new Set<ArrayBufferLike>()
  let spare: Buffer | undefined
  let place: Buffer = own
  let rest: Buffer = own
  return {
    next: () => {
      if (held.size === 0) place = own
      else if (rest.length >= leastBytes) place = rest
      else if (!held.has(own.buffer)) place = own
      else {
        if (!spare || held.has(spare.buffer)) spare = Buffer.allocUnsafeSlow(sizeBytes)
        place = spare
      }
      return place
    },
    hold: (bytes) => {
      held.add(bytes.buffer)
      rest = place.subarray(bytes.length)
      return rest.length >= sizeBytes / 2
    },
    reset: () => held.clear(),
  }
}
