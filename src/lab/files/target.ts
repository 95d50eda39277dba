// What a call is aimed at: account, share and path, from a host-style URL (the account in the host
// name) or a path-style one (the account as first segment), and the rules for names (Azure Files REST,
// "Naming and referencing shares, directories, files, and metadata").
import { filesRefusal } from './errors.ts'

/** The decoded names of a URL; share and segments are empty above their level. */
export type FilesTarget = { account: string; share: string; segments: readonly string[] }

/** Parses a URL path; refuses what is not well-formed. */
export function parseFilesTarget(
  { accounts }: { accounts: ReadonlySet<string> },
  { host, path }: { host: string; path: string },
): FilesTarget {
  const inHost = /^([a-z0-9]+)\.file\./.exec(host)?.[1]
  const hostAccount = inHost !== undefined && accounts.has(inHost) ? inHost : undefined
  const parts = decodePath(path)
  const [account = '', share = '', ...segments] =
    hostAccount === undefined ? parts : [hostAccount, ...parts]
  return { account, share, segments }
}

/** Parses the URL in `x-ms-file-rename-source` or `x-ms-copy-source`. */
export function parseSourceUrl(
  known: { accounts: ReadonlySet<string> },
  text: string,
  header: string,
): FilesTarget {
  if (!URL.canParse(text)) throw filesRefusal('InvalidHeaderValue', { HeaderName: header })
  const { host, pathname } = new URL(text)
  return parseFilesTarget(known, { host, path: pathname })
}

/** The segments as the service takes them: trailing dots go unless the client wants them kept. */
export function toSegments(segments: readonly string[], keepsDots: boolean): readonly string[] {
  const kept = keepsDots ? segments : segments.map((segment) => segment.replace(/\.+$/, ''))
  for (const segment of kept) assertSegment(segment)
  if (kept.join('/').length > 2048 || kept.length > 250) {
    throw filesRefusal('InvalidFileOrDirectoryPathName')
  }
  return kept
}

/** A share's name is a DNS label of 3 to 63 characters. */
export function assertShareName(share: string): void {
  if (share.length < 3 || share.length > 63) throw filesRefusal('OutOfRangeInput')
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(share)) throw filesRefusal('InvalidResourceName')
}

function assertSegment(segment: string): void {
  const isOdd = segment === '' || segment === '.' || segment === '..' || segment.length > 255
  if (isOdd || /["\\/:|<>*?]|\p{Cc}/u.test(segment)) throw filesRefusal('InvalidResourceName')
}

// An escaped slash separates names just as a plain one does; one at the end says nothing.
function decodePath(path: string): string[] {
  try {
    const names = decodeURIComponent(path).replace(/^\//, '').replace(/\/$/, '')
    return names === '' ? [] : names.split('/')
  } catch {
    throw filesRefusal('InvalidUri')
  }
}
