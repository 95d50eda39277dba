// The benchmark's storage account: a small C program, compiled on first use, that keeps nothing and
// is faster than every client (bench/sink/sink.c). Its content is one repeating pattern.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Delay of every answer, bandwidth of one connection and of all, and blobs that exist from the start. */
export type SinkOptions = {
  latencyMs?: number
  connectionMBps?: number
  totalMBps?: number
  /** `/account/container/prefix` with so many blobs `f000000`, … of so many bytes. */
  families?: readonly { prefix: string; count: number; sizeBytes: number }[]
}

/** A running sink. */
export type Sink = { origin: string; stop: () => Promise<void> }

/** Where the compiled programs, the certificate and its key are. */
export type Workshop = { folder: string; certFile: string; keyFile: string }

const patternBytes = 1024 * 1024

/** Compiles sink and measure into `folder`, and makes a certificate for 127.0.0.1. */
export function openWorkshop(folder: string): Workshop {
  const compile = (name: string, libraries: readonly string[]) => {
    const source = join(import.meta.dirname, '../sink', `${name}.c`)
    execFileSync('gcc', ['-O2', '-o', join(folder, name), source, ...libraries])
  }
  compile('sink', ['-lssl', '-lcrypto', '-lpthread'])
  compile('measure', [])
  const certFile = join(folder, 'cert.pem')
  const keyFile = join(folder, 'key.pem')
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject]
  execFileSync('openssl', [...request, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  return { folder, certFile, keyFile }
}

/** Starts a sink on loopback over TLS. */
export async function startSink(workshop: Workshop, options: SinkOptions = {}): Promise<Sink> {
  const args = [
    ...(options.latencyMs === undefined ? [] : ['-l', String(options.latencyMs)]),
    ...(options.connectionMBps === undefined ? [] : ['-b', String(options.connectionMBps)]),
    ...(options.totalMBps === undefined ? [] : ['-t', String(options.totalMBps)]),
    ...(options.families ?? []).flatMap((each) => [
      '-n',
      `${each.prefix}:${each.count}:${each.sizeBytes}`,
    ]),
    '0',
    workshop.certFile,
    workshop.keyFile,
  ]
  const child: ChildProcess = spawn(join(workshop.folder, 'sink'), args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await once(child.stdout ?? child, 'data')) as [Buffer]
  const port = /listening (\d+)/.exec(said.toString())?.[1]
  if (port === undefined) throw new Error('the sink does not listen')
  return {
    origin: `https://127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** Makes `count` files of the sink's pattern in `folder`, named as its families are. */
export function makeFiles(
  folder: string,
  { count, sizeBytes }: { count: number; sizeBytes: number },
): void {
  const pattern = makePattern()
  mkdirSync(folder, { recursive: true })
  for (let index = 0; index < count; index += 1) {
    const path = join(folder, `f${String(index).padStart(6, '0')}`)
    mkdirSync(dirname(path), { recursive: true })
    const file = openSync(path, 'w')
    for (let at = 0; at < sizeBytes; at += patternBytes) {
      writeSync(file, pattern, 0, Math.min(patternBytes, sizeBytes - at))
    }
    closeSync(file)
  }
}

// xorshift64, as in sink.c.
function makePattern(): Buffer {
  const pattern = Buffer.alloc(patternBytes)
  const mask = (1n << 64n) - 1n
  let seed = 88172645463325252n
  for (let at = 0; at < patternBytes; at += 8) {
    seed ^= (seed << 13n) & mask
    seed ^= seed >> 7n
    seed ^= (seed << 17n) & mask
    pattern.writeBigUInt64LE(seed, at)
  }
  return pattern
}
