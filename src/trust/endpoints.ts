// Where Graph and ARM are in each cloud (Microsoft Graph, "National cloud deployments"; azure-docs,
// azure-resource-manager/management/endpoints).
import type { CloudName } from '../azure/clouds.ts'

/** Where one cloud is managed; a token's scope is the address with `/.default` behind it. */
export type ControlEndpoints = { graph: string; arm: string }

/** Every cloud's by name. */
export const controlEndpoints: Readonly<Record<CloudName, ControlEndpoints>> = {
  public: { graph: 'https://graph.microsoft.com', arm: 'https://management.azure.com' },
  usgov: { graph: 'https://graph.microsoft.us', arm: 'https://management.usgovcloudapi.net' },
  china: {
    graph: 'https://microsoftgraph.chinacloudapi.cn',
    arm: 'https://management.chinacloudapi.cn',
  },
}
