// The Azure clouds a build can talk to: where Entra lives, what audience it wants in our ID token,
// and how host names of blob and file
// services end (facts/federation.md §1.1, §1.4).

/** One Azure cloud: its names for the things we need. */
export type Cloud = {
  authorityHost: string
  federationAudience: string
  blobSuffix: string
  fileSuffix: string
}

/** The name of a cloud as people write it in the setting `cloud`. */
export type CloudName = 'public' | 'usgov' | 'china'

/** Every cloud by name. */
export const clouds: Readonly<Record<CloudName, Cloud>> = {
  public: {
    authorityHost: 'https://login.microsoftonline.com',
    federationAudience: 'api://AzureADTokenExchange',
    blobSuffix: 'blob.core.windows.net',
    fileSuffix: 'file.core.windows.net',
  },
  usgov: {
    authorityHost: 'https://login.microsoftonline.us',
    federationAudience: 'api://AzureADTokenExchangeUSGov',
    blobSuffix: 'blob.core.usgovcloudapi.net',
    fileSuffix: 'file.core.usgovcloudapi.net',
  },
  china: {
    authorityHost: 'https://login.partner.microsoftonline.cn',
    federationAudience: 'api://AzureADTokenExchangeChina',
    blobSuffix: 'blob.core.chinacloudapi.cn',
    fileSuffix: 'file.core.chinacloudapi.cn',
  },
}

/** The scope of a storage token; it is the same in every cloud. */
export const storageScope = 'https://storage.azure.com/.default'
