// The outcome for the steps that follow: variables for a shell and a JSON document. Drone has no
// output variables, so it is files in the workspace, readable by their owner alone: a link may be in
// them.
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { messageOf } from '../core/fault.ts'
import type { Fault } from '../core/fault.ts'
import type { RemoteFile } from '../transfer/remote.ts'
import type { Result } from './result.ts'
import { invalid } from './settings.ts'

/** What is told of a step. */
export type Report = { results: readonly Result[]; fault?: Fault; durationMs: number }

const prefix = 'AZURE_STORAGE_DRONE'

/** Writes `path`, and `path.json` beside it unless it is JSON itself; each appears whole or not at all. */
export async function writeOutputs(
  { pid }: { pid: number },
  path: string,
  report: Report,
): Promise<void> {
  const isJson = path.endsWith('.json')
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeWhole(
      pid,
      isJson ? path : `${path}.json`,
      `${toJson(report, { showsLinks: true })}\n`,
    )
    if (!isJson) await writeWhole(pid, path, toVariables(report))
  } catch (error) {
    throw invalid([`\`output_file\` cannot be written: ${messageOf(error)}`])
  }
}

/** The document; links are in it only for files and for people at a terminal. */
export function toJson(
  { results, fault, durationMs }: Report,
  { showsLinks }: { showsLinks: boolean },
): string {
  const document = {
    status: fault ? 'failed' : 'done',
    durationMs,
    ...(fault && { error: { code: fault.code, message: fault.message, hint: fault.hint } }),
    transfers: results.map((result) => ({
      action: result.action,
      url: result.url,
      dryRun: result.dryRun,
      ...(result.dryRun && { planned: result.planned }),
      durationMs: result.durationMs,
      files: result.files,
      bytes: result.bytes,
      counts: result.counts,
      notDone: result.notDone,
      failures: result.failures.map(({ name, fault: { code, message } }) => ({
        name,
        code,
        message,
      })),
      done: result.done,
      unproven: result.unproven,
      links: result.links.map(({ name, url, expiresAt }) => ({
        name,
        ...(showsLinks && { url: url.reveal() }),
        expiresAt: expiresAt.toISOString(),
      })),
    })),
  }
  return JSON.stringify(document)
}

/** `NAME='value'` lines that `.` of any POSIX shell reads. */
export function toVariables({ results, fault, durationMs }: Report): string {
  const sum = (of: (result: Result) => number) =>
    results.reduce((total, each) => total + of(each), 0)
  const variables: [string, string | number][] = [
    ['STATUS', fault ? 'failed' : 'done'],
    ['FILES', sum(({ files }) => files)],
    ['BYTES', sum(({ bytes }) => bytes)],
    ['FAILED', sum(({ failures }) => failures.length)],
    ['DURATION_MS', durationMs],
    ['URL', results.at(-1)?.url ?? ''],
    ...results
      .flatMap(({ links }) => links)
      .slice(0, 1)
      .map(({ url }): [string, string] => ['LINK', url.reveal()]),
    ...(results.length > 1 ? results.flatMap((each, index) => numbered(each, index + 1)) : []),
  ]
  return variables
    .map(([name, value]) => `${prefix}_${name}=${quoteForShell(String(value))}\n`)
    .join('')
}

function numbered(
  { files, bytes, url, links }: Result,
  number: number,
): [string, string | number][] {
  const [link] = links
  return [
    [`${number}_FILES`, files],
    [`${number}_BYTES`, bytes],
    [`${number}_URL`, url],
    ...(link ? [[`${number}_LINK`, link.url.reveal()] satisfies [string, string]] : []),
  ]
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

async function writeWhole(pid: number, path: string, text: string): Promise<void> {
  const temporary = `${path}.${pid}.tmp`
  // Exclusively: whoever left a link of this name does not get to see what is written.
  await rm(temporary, { force: true })
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

/** One file of a listing as JSON. */
export function toListedJson({ modifiedAtMs, ...file }: RemoteFile): string {
  return JSON.stringify({ ...file, modifiedAt: new Date(modifiedAtMs).toISOString() })
}
