// What a request and its answer are to the rooms above. Two transports stand behind it: node.ts over
// node:https, for proxies and the simple case, and lean/ over sockets, for the hot path.

/** Content that is read piece by piece while it is sent; it may be read again for another try. */
export type Body = {
  sizeBytes: number
  /** Fills the whole buffer with what lies at `offset`. */
  readInto: (buffer: Buffer, offset: number) => Promise<void>
}

/** One request; `path` goes on the wire exactly as it is, and `body` is never sent chunked. */
export type HttpRequest = {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Scheme, host and port; a path in it is ignored. */
  origin: URL
  path: string
  headers: Record<string, string>
  body?: Buffer | Body
  signal?: AbortSignal
  /**
   * Takes the body of a 2xx answer piece by piece; a returned promise holds back the sender. The piece
   * is the transport's own memory and is used again once the call, or its promise, has ended.
   */
  onBody?: (piece: Buffer, head: HttpHead) => Promise<void> | undefined
}

/** Status line and headers of an answer; header names are in lower case. */
export type HttpHead = { status: number; headers: Record<string, string> }

/** A whole answer; `body` is empty when `onBody` took it. */
export type HttpAnswer = HttpHead & {
  body: Buffer
  /**
   * The request was sent again, at once, because an old connection had died before its answer began;
   * it may have been carried out the first time too.
   */
  wasRepeated?: true
}

/** Sends one request and gives the answer, whatever its status; throws only `HttpError`. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>

/** A client, and the ways to open a connection ahead of time and to close the idle ones. */
export type HttpClient = {
  send: Send
  /** Begins to connect, so that the first request need not wait; what goes wrong, that request tells. */
  warm: (origin: URL, signal: AbortSignal) => void
  close: () => void
}

/** How much patience and trust a client has. */
export type HttpOptions = {
  maxConnections: number
  /** Certificates to trust beside nothing else (PEM); absent means Node's own. */
  ca?: readonly string[]
  /** Certificates to trust beside the others (PEM). */
  extraCa?: readonly string[]
  /** Lets a certificate of `ca` that is not a root end the chain (a pinned intermediate or leaf). */
  allowPartialTrustChain?: boolean
  connectTimeoutMs?: number
  /** Without a byte in either direction for so long, the connection is given up. */
  idleTimeoutMs?: number
  maxBodyBytes?: number
  proxy?: ProxyOptions
}

/** Which origins are reached through a proxy, in the form of the usual environment variables. */
export type ProxyOptions = {
  /** For `http:` origins: `http://[user:password@]host:port`; the scheme may be left out. */
  httpProxy?: string
  /** For `https:` origins, through CONNECT. */
  httpsProxy?: string
  /** Hosts that are reached without: names and their subdomains, addresses, ranges, `host:port`, `*`. */
  noProxy?: string
}

/** Why no whole answer came. */
export class HttpError extends Error {
  /** `ECONNREFUSED`, `CERT_HAS_EXPIRED`, …; empty when the system gave none. */
  readonly code: string
  /** False when the request cannot have reached the other side, true when it may have. */
  readonly maybeReceived: boolean

  constructor(message: string, code: string, maybeReceived: boolean, cause?: unknown) {
    super(message, { cause })
    this.name = 'HttpError'
    this.code = code
    this.maybeReceived = maybeReceived
  }

  /** The certificate was refused: trying again cannot help. */
  get isTrust(): boolean {
    return /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS|HOSTNAME_MISMATCH/.test(this.code)
  }

  /** No such host, or none that listens: a misspelt name more often than a passing trouble. */
  get isNobodyThere(): boolean {
    return this.code === 'ENOTFOUND' || this.code === 'ECONNREFUSED'
  }
}
