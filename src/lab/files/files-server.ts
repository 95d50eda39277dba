// The lab's Azure Files: a real https server with the documented REST protocol, OAuth and roles
// checked, all content in bounded memory (facts/transfer.md §7 and §9).
import { createServer } from 'node:http'

import { createLocalJWKSet } from 'jose'

import type { Clock } from '../../core/time.ts'
import type { LabAuthority } from '../authority.ts'
import type { LabEntra } from '../entra.ts'
import { type LabListener, listenTls } from '../listen.ts'
import {
  type FilesFailure,
  type FilesFront,
  type FilesLimits,
  type FilesLogRow,
  handleFilesCall,
} from './front.ts'
import { createFilesRoleBook, type FilesRoleAssignment } from './roles.ts'
import { readPieces } from './sparse.ts'
import { addShare, createTree, type FilesNode, type Share } from './tree.ts'

/** What is in a share now, by path: a file's content and metadata, or a directory. */
export type FilesSnapshot = Map<
  string,
  { kind: FilesNode['kind']; content: Buffer; metadata: Readonly<Record<string, string>> }
>

/** A running file service. */
export type LabFiles = {
  url: string
  /** The same service without TLS, which refuses every call; only when asked for. */
  plainUrl: string
  /** Path-style; the same server answers to `account.file.core.windows.net` in the Host header. */
  endpointOf: (account: string) => string
  /** Puts an assignment in force and gives its id. */
  assignRole: (assignment: FilesRoleAssignment) => string
  removeRole: (id: string) => void
  /** While true, every call is refused as by the account's firewall. */
  denyNetwork: (isDenied: boolean) => void
  failNext: (failure: FilesFailure) => void
  /** Every call waits so long before anything happens. */
  setLatency: (milliseconds: number) => void
  /** Makes the service an older or smaller one. */
  limit: (limits: Partial<FilesLimits>) => void
  /** Creates a share behind the front: no role needed, nothing logged. */
  createShare: (account: string, share: string, protocol?: Share['protocol']) => void
  /** Everything in a share, read behind the front. */
  snapshot: (account: string, share: string) => FilesSnapshot
  /** The log; a call is in it before its answer is sent. */
  calls: readonly FilesLogRow[]
  /** Empties the log. */
  forgetCalls: () => void
  close: () => Promise<void>
}

/** What a file service can be told; content above `maxBytes` in all is refused. */
export type LabFilesOptions = {
  accounts: readonly string[]
  maxBytes?: number
  isPlainToo?: boolean
}

/** Starts the service with these accounts, which live in Entra's own tenant; its owner may do all. */
export async function startFilesServer(
  { authority, entra, now }: { authority: LabAuthority; entra: LabEntra; now: Clock },
  { accounts, maxBytes = 4 * 1024 ** 3, isPlainToo = false }: LabFilesOptions,
): Promise<LabFiles> {
  const front: FilesFront = {
    now,
    tree: createTree({ now }, maxBytes),
    roles: createFilesRoleBook(),
    tenantId: entra.tenantId,
    findKey: createLocalJWKSet(entra.jwks()),
    accounts: new Set(accounts),
    calls: [],
    failures: [],
    isNetworkDenied: false,
    latencyMs: 0,
    limits: { withoutContent: false, withoutStructured: false, pageLength: 5000 },
  }
  for (const account of accounts) {
    const principalId = entra.owner.objectId
    front.roles.assign({ principalId, role: 'Storage Account Contributor', account })
    front.roles.assign({ principalId, role: 'Storage File Data Privileged Contributor', account })
  }
  const hosts = accounts.map((account) => `${account}.file.core.windows.net`)
  const tls = await listenTls(
    { authority },
    (request, response) => void handleFilesCall(front, request, response),
    hosts,
  )
  const plain = isPlainToo ? await listenPlain(front) : undefined
  return {
    url: tls.url,
    plainUrl: plain?.url ?? '',
    endpointOf: (account) => `${tls.url}/${account}`,
    assignRole: (assignment) => front.roles.assign(assignment),
    removeRole: (id) => front.roles.remove(id),
    denyNetwork(isDenied) {
      front.isNetworkDenied = isDenied
    },
    failNext: (failure) => void front.failures.push({ ...failure }),
    setLatency(milliseconds) {
      front.latencyMs = milliseconds
    },
    limit: (limits) => void Object.assign(front.limits, limits),
    createShare: (account, share, protocol = 'SMB') =>
      void addShare(front.tree, account, share, protocol),
    snapshot: (account, share) => snapshotOf(front.tree.shares.get(`${account}/${share}`)),
    calls: front.calls,
    forgetCalls: () => void front.calls.splice(0),
    async close() {
      await tls.close()
      await plain?.close()
    },
  }
}

function snapshotOf(share: Share | undefined): FilesSnapshot {
  const found: FilesSnapshot = new Map()
  const visit = (node: FilesNode, path: string): void => {
    const { kind, metadata } = node
    if (path !== '') found.set(path, { kind, metadata, content: contentOf(node) })
    if (node.kind !== 'directory') return
    for (const child of node.children.values()) {
      visit(child, path === '' ? child.name : `${path}/${child.name}`)
    }
  }
  if (share) visit(share.root, '')
  return found
}

function contentOf(node: FilesNode): Buffer {
  if (node.kind === 'link') return Buffer.from(node.linkText)
  if (node.kind === 'directory') return Buffer.alloc(0)
  return Buffer.concat(readPieces(node.extents, { from: 0, to: node.sizeBytes - 1 }))
}

async function listenPlain(front: FilesFront): Promise<LabListener> {
  const server = createServer((request, response) => void handleFilesCall(front, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was bound')
  return {
    url: `http://localhost:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
