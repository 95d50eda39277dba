// The outcome for the steps that follow: variables for a shell and a JSON document. Drone has no
// output variables, so it is files in the workspace, readable by their owner alone: a link may be in
// them.
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { messageOf } from '../core/fault.ts'
import type { Fault } from '../core/fault.ts'
import type { RemoteFile } from '../transfer/remote.ts'
import type { BuildContext } from './context.ts'
import type { Result } from './result.ts'
import { invalid } from './settings.ts'

/** What is told of a step. */
export type Report = {
  results: readonly Result[]
  fault?: Fault
  durationMs: number
  /** Which build and step it was, by its own word. */
  context?: BuildContext
}

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
  { results, fault, durationMs, context }: Report,
  { showsLinks }: { showsLinks: boolean },
): string {
  const document = {
    status: fault ? 'failed' : 'done',
    durationMs,
    ...(context && { build: context }),
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
      ...(result.cache && { cache: result.cache }),
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
export function toVariables(report: Report): string {
  const { plain, secret } = toNamedValues(report)
  return [...plain, ...secret].map(([name, value]) => `${name}=${quoteForShell(value)}\n`).join('')
}

type NamedValue = readonly [name: string, value: string]

/** The outcome by the names of its variables, those apart that are as good as a key. */
export function toNamedValues({ results, fault, durationMs }: Report): {
  plain: NamedValue[]
  secret: NamedValue[]
} {
  const sum = (of: (result: Result) => number) =>
    results.reduce((total, each) => total + of(each), 0)
  const each = results.length > 1 ? [...results.entries()] : []
  const plain: [string, string | number][] = [
    ['STATUS', fault ? 'failed' : 'done'],
    ['FILES', sum(({ files }) => files)],
    ['BYTES', sum(({ bytes }) => bytes)],
    ['FAILED', sum(({ failures }) => failures.length)],
    ['DURATION_MS', durationMs],
    ['URL', results.at(-1)?.url ?? ''],
    ...each.flatMap(([index, { files, bytes, url }]): [string, string | number][] => [
      [`${index + 1}_FILES`, files],
      [`${index + 1}_BYTES`, bytes],
      [`${index + 1}_URL`, url],
    ]),
  ]
  const { cache } = results.findLast((result) => result.cache) ?? {}
  if (cache) {
    plain.push(['CACHE', cache.outcome], ['CACHE_KEY', cache.key])
    plain.push(['CACHE_MATCHED', cache.matched ?? ''])
  }
  const firstLink = results.flatMap(({ links }) => links).slice(0, 1)
  const secret: [string, string][] = [
    ...firstLink.map(({ url }): [string, string] => ['LINK', url.reveal()]),
    ...each.flatMap(([index, { links }]) =>
      links.slice(0, 1).map(({ url }): [string, string] => [`${index + 1}_LINK`, url.reveal()]),
    ),
  ]
  const name = ([short, value]: [string, string | number]): NamedValue => [
    `${prefix}_${short}`,
    String(value),
  ]
  return { plain: plain.map(name), secret: secret.map(name) }
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
