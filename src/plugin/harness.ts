// What Harness's pages and later steps read (facts/peers.md): variables of the step in DRONE_OUTPUT,
// secret ones in HARNESS_OUTPUT_SECRET_FILE, and what was uploaded in PLUGIN_ARTIFACT_FILE. Drone's own
// runners set none of these.
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

import { messageOf } from '../core/fault.ts'
import { type Report, toNamedValues } from './output.ts'
import { toFileUrl, type Result } from './result.ts'
import { invalid } from './settings.ts'

/** Files that Harness gave the step; absent elsewhere. */
export type HarnessFiles = {
  artifactFile?: string | undefined
  outputFile?: string | undefined
  secretFile?: string | undefined
}

/** Writes what there is a file for. */
export async function writeHarness(files: HarnessFiles, report: Report): Promise<void> {
  const { artifactFile, outputFile, secretFile } = files
  const { plain, secret } = toNamedValues(report)
  try {
    if (outputFile) await appendFile(outputFile, toDotenv(plain))
    if (secretFile && secret.length > 0) {
      await appendFile(secretFile, toDotenv(secret), { mode: 0o600 })
    }
    if (artifactFile) {
      await mkdir(dirname(artifactFile), { recursive: true })
      await writeFile(artifactFile, toArtifacts(report.results))
    }
  } catch (error) {
    throw invalid([`a file of Harness cannot be written: ${messageOf(error)}`])
  }
}

/** The document of the Artifacts page: every uploaded file and its address. */
export function toArtifacts(results: readonly Result[]): string {
  const fileArtifacts = results.flatMap(({ sentTo, done }) =>
    sentTo === undefined ? [] : done.map(({ name }) => ({ name, url: toFileUrl(sentTo, name) })),
  )
  return JSON.stringify({ kind: 'fileUpload/v1', data: { fileArtifacts } })
}

// As `.env` files are read: quotes where a value is more than one plain word.
function toDotenv(values: readonly (readonly [name: string, value: string])[]): string {
  return values
    .map(([name, value]) => {
      const plain = /^[\w./:@%+=,&?~-]*$/.test(value)
      const text = plain ? value : `"${value.replaceAll(/[\\"$`]/g, String.raw`\$&`)}"`
      return `${name}=${text.replaceAll(/[\r\n]+/g, ' ')}\n`
    })
    .join('')
}
