// AzCopy, unmodified, by its WORKLOAD login. It signs in at Microsoft's own hosts and nowhere else
// without looking them up there, so the lab goes by the names of the public cloud, behind a proxy.
import { randomUUID } from 'node:crypto'

import { clouds } from '../../src/azure/clouds.ts'
import { names } from '../../src/demo/trust-service.ts'
import { startGate } from '../matrix/gate.ts'
import { entraRefusals, labEntra } from './entra.ts'
import type { PartyKind } from './party.ts'
import { audiences } from './service-files.ts'

/** The party. */
export const azcopy: PartyKind = {
  needs: ['azcopy'],
  rows: [{ name: 'AzCopy', verifier: labEntra, audience: audiences.azure, expects: entraRefusals }],
  open: async (lab) => {
    const { azure, authority } = lab
    const gate = await startGate(
      { authority, entra: azure.entra, storage: azure.storage },
      { filesUrl: azure.files.url, account: names.account, cloud: clouds.public },
    )
    return {
      asks: [
        async ({ token }) => {
          const name = randomUUID()
          const file = lab.write(`azcopy-${name}`, token)
          const env = {
            AZCOPY_AUTO_LOGIN_TYPE: 'WORKLOAD',
            AZCOPY_TENANT_ID: azure.tenantId,
            AZURE_TENANT_ID: azure.tenantId,
            AZURE_CLIENT_ID: lab.app.clientId,
            AZURE_FEDERATED_TOKEN_FILE: file,
            AZCOPY_LOG_LOCATION: lab.folder,
            AZCOPY_JOB_PLAN_LOCATION: lab.folder,
            AZCOPY_DISABLE_SYSLOG: 'true',
            SSL_CERT_FILE: lab.plan.caFile,
            HTTPS_PROXY: gate.proxy.url,
          }
          const url = `https://${gate.hosts.blob}/${names.container}/${name}`
          const copy = (from: string, to: string) =>
            lab.run([lab.finder.find('azcopy'), 'copy', from, to, '--check-length=true'], env)
          const written = await copy(file, url)
          if (written.exitCode !== 0) return { isAccepted: false, says: written.output }
          const read = await copy(url, `${file}.read`)
          const same = await lab.run(['cmp', file, `${file}.read`], {})
          return { isAccepted: read.exitCode === 0 && same.exitCode === 0, says: read.output }
        },
      ],
      close: () => gate.close(),
    }
  },
}
