// The two services as a case sees them: where our step is sent to, and what lies there by the word of
// the official SDKs, which sign in as the owner of the storage account.
/** What is kept under a name. */
export type Seen = {
  content: Buffer
  contentType: string
  cacheControl: string
  contentEncoding: string
  contentLanguage: string
  contentDisposition: string
  metadata: Readonly<Record<string, string>>
  tags: Readonly<Record<string, string>>
  tier: string
  etag: string
}

/** What an SDK is asked to keep. */
export type Given = {
  contentType?: string
  contentEncoding?: string
  metadata?: Record<string, string>
}

/** One call of the service's log, as far as cases read it. */
export type LoggedCall = {
  /** When it began. */
  time: Date
  operation: string
  status: number
  statusText: string
  path: string
  authenticationHash: string
  requesterAppId: string
  requesterObjectId: string
  userAgent: string
  requestBytes: number
  responseBytes: number
}

/** A failure for the next `count` calls. */
export type Trouble = {
  count: number
  status: number
  code: string
  operation?: string
  retryAfterSeconds?: number
}

/** One of the two services, with a container or share that is ours alone. */
export type Place = {
  service: 'blob' | 'files'
  /** `Blob` or `Files`, as in the names of cases. */
  title: string
  /** Settings that lead a step here. */
  settings: Readonly<Record<string, string>>
  put: (name: string, content: Buffer | string, given?: Given) => Promise<void>
  /** Undefined when there is no such file. */
  get: (name: string) => Promise<Seen | undefined>
  /** The names of all files below a prefix that is a folder, sorted. */
  list: (folder: string) => Promise<string[]>
  failNext: (trouble: Trouble) => void
  /** Our step's calls that began since `mark` was called. */
  callsSince: (mark: number) => LoggedCall[]
  mark: () => number
}

/** What an SDK needs to reach the lab as the owner. */
export type OwnerAccess = {
  endpoint: string
  ca: string
  credential: { getToken: () => Promise<{ token: string; expiresOnTimestamp: number }> }
}
