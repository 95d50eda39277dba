// Operations on the account and on shares (Azure Files REST, "Operations on FileShares").
import {
  emptyAnswer,
  type FilesAnswer,
  type FilesCall,
  headerIn,
  metadataHeaders,
  metadataIn,
  shareOf,
} from './call.ts'
import { filesRefusal } from './errors.ts'
import { assertShareName } from './target.ts'
import { addShare, dropShare, touch } from './tree.ts'
import { listShares as describeShares } from './xml.ts'

/** List Shares. */
export function listShares(call: FilesCall): FilesAnswer {
  const prefix = `${call.account}/`
  const own = [...call.tree.shares].filter(([key]) => key.startsWith(prefix))
  return describeShares(
    call,
    own.map(([, share]) => share),
  )
}

/** Create Share. */
export function createShare(call: FilesCall): FilesAnswer {
  assertShareName(call.shareName)
  const protocols = headerIn(call, 'x-ms-enabled-protocols') || 'SMB'
  if (protocols !== 'SMB' && protocols !== 'NFS') {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-enabled-protocols' })
  }
  const share = addShare(call.tree, call.account, call.shareName, protocols)
  share.root.metadata = metadataIn(call) ?? {}
  share.quotaGiB = Number(headerIn(call, 'x-ms-share-quota') || share.quotaGiB)
  return emptyAnswer(201, changed(call))
}

/** Get Share Properties, Get Share Metadata. */
export function getShare(call: FilesCall): FilesAnswer {
  const share = shareOf(call)
  return emptyAnswer(200, {
    ...changed(call),
    ...metadataHeaders(share.root),
    'x-ms-share-quota': String(share.quotaGiB),
    'x-ms-enabled-protocols': share.protocol,
    'x-ms-access-tier': 'TransactionOptimized',
    'x-ms-has-immutability-policy': 'false',
    'x-ms-lease-status': 'unlocked',
    'x-ms-lease-state': 'available',
  })
}

/** Set Share Metadata. */
export function setShareMetadata(call: FilesCall): FilesAnswer {
  const { root } = shareOf(call)
  root.metadata = metadataIn(call) ?? {}
  touch(call.tree, root)
  return emptyAnswer(200, changed(call))
}

/** Set Share Properties. */
export function setShareProperties(call: FilesCall): FilesAnswer {
  const share = shareOf(call)
  const quota = Number(headerIn(call, 'x-ms-share-quota') || share.quotaGiB)
  if (!Number.isInteger(quota) || quota <= 0) {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-share-quota' })
  }
  share.quotaGiB = quota
  touch(call.tree, share.root)
  return emptyAnswer(200, changed(call))
}

/** Delete Share. */
export function deleteShare(call: FilesCall): FilesAnswer {
  dropShare(call.tree, call.account, shareOf(call))
  return emptyAnswer(202)
}

function changed(call: FilesCall): Record<string, string> {
  const { etag, modifiedAt } = shareOf(call).root
  return { etag, 'last-modified': modifiedAt.toUTCString() }
}
