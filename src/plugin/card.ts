// The step's card in Drone's pages: one line that the runner takes out of the log
// (facts/drone.md §2.2), shown by the template deploy/card/card.json. Addresses in it need an identity to be read;
// a link that needs none is never there, because whoever sees the build sees the card.
import { writeFile } from 'node:fs/promises'

import type { Report } from './output.ts'
import { showBytes, showCount, showSeconds } from './report.ts'
import { toFileUrl, type Result } from './result.ts'

/** Writes the card to where the runner looks for it; a card that cannot be written fails no step. */
export async function writeCard(path: string, schema: string, report: Report): Promise<void> {
  // One write that begins with the prefix, or the runner does not know it.
  await writeFile(path, toCard(schema, report), { flag: 'a' }).catch(() => undefined)
}

/** The line itself. */
export function toCard(schema: string, report: Report): string {
  const encoded = Buffer.from(JSON.stringify({ schema, data: toCardData(report) })).toString(
    'base64',
  )
  return `\u001B]1338;${encoded}\u001B]0m\n`
}

// A card is a summary; the whole list is in the output file.
const mostNames = 10

/** What a template has to show: texts as people read them, and names of at most ten files of each transfer. */
export function toCardData({ results, fault, durationMs, context }: Report) {
  return {
    status: fault ? 'failed' : 'done',
    code: fault?.code ?? '',
    duration: showSeconds(durationMs),
    ...(context && { build: context }),
    transfers: results.map(toTransfer),
  }
}

function toTransfer({ action, url, sentTo, files, bytes, durationMs, failures, done }: Result) {
  const shown = done.slice(0, mostNames)
  const rest = done.length - shown.length
  return {
    action,
    url,
    files: showCount(files, 'file'),
    size: showBytes(bytes),
    duration: showSeconds(durationMs),
    failed: failures.length,
    names: shown.map(({ name, sizeBytes }) => ({
      name,
      size: showBytes(sizeBytes),
      ...(sentTo !== undefined && { url: toFileUrl(sentTo, name) }),
    })),
    more: rest > 0 ? `and ${showCount(rest, 'more file')}` : '',
  }
}
