// The User-Agent that storage logs show for every call: which build and step it was, as a hint only.
import type { Environment } from './settings.ts'

/** `azure-storage-drone/1.2.3 (octo/app#42 upload)`, printable ASCII and of bounded length. */
export function toUserAgent(version: string, env: Environment): string {
  const repository = env['DRONE_REPO'] || 'unknown'
  const build = env['DRONE_BUILD_NUMBER'] || '0'
  const step = env['DRONE_STEP_NAME'] || 'plugin'
  const comment = `${repository}#${build} ${step}`.replaceAll(/[^\x20-\x7e]|[()\\]/g, '_')
  return `azure-storage-drone/${version} (${comment.slice(0, 200)})`
}
