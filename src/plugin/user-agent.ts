// The User-Agent that storage logs show for every call: which build and step it was, as a hint only.
import { readContext } from './context.ts'
import type { Environment } from './settings.ts'

/** `azure-storage-drone/1.2.3 (octo/app#42 upload)`, printable ASCII and of bounded length. */
export function toUserAgent(version: string, env: Environment): string {
  const { repository, buildNumber, step } = readContext(env)
  const comment = `${repository || 'unknown'}#${buildNumber || '0'} ${step || 'plugin'}`
  const plain = comment.replaceAll(/[^\x20-\x7e]|[()\\]/g, '_')
  return `azure-storage-drone/${version} (${plain.slice(0, 200)})`
}
