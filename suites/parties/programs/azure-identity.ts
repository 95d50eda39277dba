// Somebody's program that keeps a blob in Azure, and knows nothing but the variables of workload identity.
import { randomUUID } from 'node:crypto'

import { WorkloadIdentityCredential } from '@azure/identity'
import { BlobServiceClient } from '@azure/storage-blob'

const [endpoint = '', container = ''] = process.argv.slice(2)
// Looking up the authority among Microsoft's own is for the public cloud.
const credential = new WorkloadIdentityCredential({ disableInstanceDiscovery: true })
const service = new BlobServiceClient(endpoint, credential)
const blob = service.getContainerClient(container).getBlockBlobClient(randomUUID())
const text = randomUUID()
await blob.upload(text, text.length)
if ((await blob.downloadToBuffer()).toString() !== text) throw new Error('it reads something else')
