// Keeps token files fresh for as long as a command runs. A third of a token's life is waited, so that a
// tool which remembers what it read for five minutes (as Azure's SDKs do) never has an expired one.
import { parseRecord } from '../azure/assertion.ts'
import type { Sleep } from '../azure/retry.ts'
import { Fault, messageOf } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import type { TokenFile } from './tool.ts'

/** What keeping needs; `signal` ends it. */
export type FreshDeps = {
  sleep: Sleep
  /** A new ID token for an audience. */
  ask: (audience: string) => Promise<Secret>
  write: (name: string, content: string) => void
  /** Takes a line for the person who reads the log. */
  warn: (line: string) => void
  signal: AbortSignal
}

/** A token file and the token that it holds. */
export type Written = TokenFile & { token: Secret }

const againMs = 30_000

/** Renews every file in time until the signal; a failure is told once and tried again while it may pass. */
export async function keepFresh(deps: FreshDeps, files: readonly Written[]): Promise<void> {
  let isTold = false
  const tell = (error: unknown) => {
    if (isTold) return
    isTold = true
    const hint = error instanceof Fault ? ` ${error.hint}` : ''
    const code = error instanceof Fault ? `${error.code}: ` : ''
    deps.warn(
      `warning: the token files could not be renewed, and the command goes on with what it has: ${code}${messageOf(error)}${hint}`,
    )
  }
  await Promise.all(files.map((file) => keepOne(deps, file, tell)))
}

async function keepOne(
  { sleep, ask, write, signal }: FreshDeps,
  { name, audience, token }: Written,
  tell: (error: unknown) => void,
): Promise<void> {
  let waitMs = lifetimeMs(token) / 3
  for (;;) {
    await sleep(waitMs, signal)
    if (signal.aborted) return
    try {
      const fresh = await ask(audience)
      // The folder may be gone by now.
      if (signal.aborted) return
      write(name, fresh.reveal())
      waitMs = lifetimeMs(fresh) / 3
    } catch (error) {
      if (signal.aborted) return
      tell(error)
      // A build that is over, say, gets no token ever again.
      if (error instanceof Fault && !error.isRetryable) return
      waitMs = Math.min(againMs, waitMs)
    }
  }
}

// By the token's own two times, so that no clock of this machine is asked.
function lifetimeMs(token: Secret): number {
  const payload = token.reveal().split('.')[1] ?? ''
  const { iat, exp } = parseRecord(Buffer.from(payload, 'base64url').toString('utf8'))
  const seconds = Number(exp) - Number(iat)
  return seconds > 0 ? seconds * 1000 : againMs
}
