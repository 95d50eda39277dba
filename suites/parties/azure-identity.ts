// Azure's SDK for JavaScript: workload identity from a token file, then a blob.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { names } from '../../src/demo/trust-service.ts'
import { entraRefusals, labEntra } from './entra.ts'
import type { PartyKind } from './party.ts'
import { audiences } from './service-files.ts'

/** The party. */
export const azureIdentity: PartyKind = {
  needs: [],
  rows: [
    {
      name: '@azure/identity',
      verifier: labEntra,
      audience: audiences.azure,
      expects: entraRefusals,
    },
  ],
  open: async (lab) => {
    const program = join(import.meta.dirname, 'programs/azure-identity.ts')
    const endpoint = lab.azure.storage.endpointOf(names.account)
    return {
      asks: [
        async ({ token }) => {
          const command = [process.execPath, program, endpoint, names.container]
          const { exitCode, output } = await lab.run(command, {
            AZURE_TENANT_ID: lab.azure.tenantId,
            AZURE_CLIENT_ID: lab.app.clientId,
            AZURE_FEDERATED_TOKEN_FILE: lab.write(`azure-${randomUUID()}`, token),
            AZURE_AUTHORITY_HOST: lab.azure.entra.url,
            NODE_EXTRA_CA_CERTS: lab.plan.caFile,
          })
          return { isAccepted: exitCode === 0, says: output }
        },
      ],
      close: async () => undefined,
    }
  },
}
