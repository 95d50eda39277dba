// `azure-storage-drone audit export`: the ledger for other systems, line by line to standard output.
import { parseArgs } from 'node:util'

import { messageOf } from '../src/core/fault.ts'
import { exportForms, type ExportForm, exportRecords } from '../src/trail/export/export.ts'
import { readMoment, usage, withTrailStore } from './trail-source.ts'

/** How `audit export` is used. */
export const exportUsage = `azure-storage-drone audit export --config FILE --format FORM [--from WHEN] [--to WHEN] [--repo NAME]

  --format FORM   cloudevents, ocsf, ecs, otel (one JSON document a line) or csv
  --from, --to    a day or a moment such as 2026-11-23 or 2026-11-23T12:00:00Z; --to is not included
  --repo NAME     only records of builds of this repository
`

const gatheredChars = 64 * 1024

/** Runs `audit export`; resolves to the exit code, throws cli_usage. */
export async function auditExport(
  args: string[],
  deps: { write: (text: string) => void },
): Promise<number> {
  const values = readArgs(args)
  if (values.help) {
    deps.write(exportUsage)
    return 0
  }
  const { config, from, to, repo } = values
  if (config === undefined) throw usage('audit export needs --config FILE.')
  const form = exportForms[readForm(values.format)]
  await withTrailStore(config, async (store) => {
    let gathered = 'header' in form ? `${form.header}\r\n` : ''
    const end = 'header' in form ? '\r\n' : '\n'
    const query = {
      ...(from !== undefined && { from: readMoment('--from', from) }),
      ...(to !== undefined && { to: readMoment('--to', to) }),
      ...(repo !== undefined && { repo }),
    }
    for await (const record of exportRecords(store, query)) {
      gathered += `${form.toLine(record)}${end}`
      if (gathered.length > gatheredChars) {
        deps.write(gathered)
        gathered = ''
      }
    }
    if (gathered !== '') deps.write(gathered)
  })
  return 0
}

function readForm(text: string | undefined): ExportForm {
  const names: string[] = Object.keys(exportForms)
  const isForm = (name: string | undefined): name is ExportForm => names.includes(name ?? '')
  if (isForm(text)) return text
  throw usage(`--format is one of ${names.join(', ')}.`)
}

function readArgs(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        config: { type: 'string' },
        format: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        repo: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (cause) {
    throw usage(messageOf(cause))
  }
}
