// The step's card in Drone's pages: one line that the runner takes out of the log
// (facts/drone.md §2.2). It shows counts and a place, never a link or a name of a file.
import { writeFile } from 'node:fs/promises'

import type { Report } from './output.ts'
import { showBytes, showCount, showSeconds } from './report.ts'

/** Writes the card to where the runner looks for it; a card that cannot be written fails no step. */
export async function writeCard(path: string, schema: string, report: Report): Promise<void> {
  // One write that begins with the prefix, or the runner does not know it.
  await writeFile(path, toCard(schema, report), { flag: 'a' }).catch(() => undefined)
}

/** The line itself. */
export function toCard(schema: string, { results, fault, durationMs, context }: Report): string {
  const data = {
    status: fault ? 'failed' : 'done',
    code: fault?.code ?? '',
    duration: showSeconds(durationMs),
    ...(context && { build: context }),
    transfers: results.map(({ action, url, files, bytes, failures }) => ({
      action,
      url,
      files: showCount(files, 'file'),
      size: showBytes(bytes),
      failed: failures.length,
    })),
  }
  const encoded = Buffer.from(JSON.stringify({ schema, data })).toString('base64')
  return `\u001B]1338;${encoded}\u001B]0m\n`
}
