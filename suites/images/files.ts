// What is inside an image, as `docker export` gives it.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'

import { extract } from 'tar-stream'

import type { Docker } from './daemon.ts'

/** One file or folder of a root file system. */
export type InsideFile = {
  path: string
  type: string
  mode: number
  owner: string
  madeAt: string
  sha256: string
}

// Docker itself puts these into every container it makes.
const dockers = /^(dev|proc|sys)\/|^(\.dockerenv|etc\/(hostname|hosts|mtab|resolv\.conf))$/

/** All files of an image, sorted. */
export async function listFiles(
  docker: Docker,
  image: string,
  tarFile: string,
): Promise<InsideFile[]> {
  const container = await docker.must('create', image)
  try {
    await docker.must('export', '--output', tarFile, container)
  } finally {
    await docker.run('rm', '--volumes', container)
  }
  const files: InsideFile[] = []
  const reader = extract()
  const cat = spawn('cat', [tarFile], { stdio: ['ignore', 'pipe', 'inherit'] })
  cat.stdout.pipe(reader)
  for await (const entry of reader) {
    const { name, type, mode, uid, gid, mtime } = entry.header
    const body = await buffer(entry)
    if (dockers.test(name)) continue
    files.push({
      path: name,
      type: type ?? '',
      mode,
      owner: `${uid}:${gid}`,
      // Making a container changes the folders that Docker writes to.
      madeAt: type === 'file' ? (mtime?.toISOString() ?? '') : '',
      sha256: createHash('sha256').update(body).digest('hex'),
    })
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}
