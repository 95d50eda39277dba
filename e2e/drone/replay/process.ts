// A step's process with exactly these variables, and a real pipe for its output: a container's is one, and
// /dev/stdout, where cards are written to, cannot be opened where Node has put a socket.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Where a step runs, and all its variables. */
export type StepScene = { cwd: string; env: Record<string, string> }

/** What came of it. */
export type Ran = { exitCode: number; output: string }

/** Runs a command to its end; both streams come in the order that they were written in. */
export async function runProcess(
  [file = '', ...args]: readonly string[],
  options: StepScene,
): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), 'asd-step-'))
  const pipe = join(folder, 'output')
  await promisify(execFile)('mkfifo', [pipe])
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] })
  const read = once(reader, 'close')
  let output = ''
  reader.stdout.setEncoding('utf8')
  reader.stdout.on('data', (text: string) => {
    output += text
  })
  const end = await open(pipe, 'w')
  const child = spawn(file, args, { ...options, stdio: ['ignore', end.fd, end.fd] })
  const ended = once(child, 'close')
  await end.close()
  const [code] = (await ended) as [number | null]
  await read
  await rm(folder, { recursive: true })
  return { exitCode: code ?? 128, output }
}

/** Runs a step in a container of an image, as a trusted pipeline on the host's network; `folder` is mounted too. */
export function runContainer(
  { image, dockerHost, folder }: { image: string; dockerHost: string; folder: string },
  { cwd, env }: StepScene,
): Promise<Ran> {
  const { PATH = '', HOME: _, ...variables } = env
  // By name alone, so that no value is on a command line.
  const names = Object.keys(variables).flatMap((name) => ['--env', name])
  const mounts = ['--volume', `${cwd}:/drone/src`, '--volume', `${folder}:${folder}:ro`]
  const command = ['docker', 'run', '--rm', '--network', 'host', '--workdir', '/drone/src']
  return runProcess([...command, ...mounts, ...names, image], {
    cwd,
    env: { ...variables, PATH, DOCKER_HOST: dockerHost },
  })
}
