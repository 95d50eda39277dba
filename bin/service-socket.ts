// Listening sockets that systemd holds for us (sd_listen_fds(3)): it keeps them open while the service is
// restarted, so a caller waits for the new process and is not refused.
import { Fault } from '../src/core/fault.ts'

// Below it are standard input, output and error.
const firstInherited = 3

/** The descriptor of the socket named after a door, if this process was given sockets; throws config_invalid. */
export function findSocket(
  { env, pid }: { env: Readonly<Record<string, string | undefined>>; pid: number },
  door: string,
): number | undefined {
  const { LISTEN_PID: owner, LISTEN_FDS: count = '0', LISTEN_FDNAMES: names = '' } = env
  if (owner !== String(pid) || count === '0') return undefined
  const index = names.split(':').indexOf(door)
  if (index < 0 || index >= Number(count)) {
    throw new Fault(
      'config_invalid',
      `systemd handed over sockets (${names}), but none with FileDescriptorName=${door}.`,
    )
  }
  return firstInherited + index
}
