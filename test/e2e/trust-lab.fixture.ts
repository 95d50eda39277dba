// What the end-to-end tests of `trust` share: an empty lab tenant with one storage account, a policy and
// a configuration on disk, and the command as people run it, signed in as an administrator of the lab.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import type { OpenAzure } from '../../bin/trust-azure.ts'
import type { TrustIo } from '../../bin/trust-input.ts'
import { trustCommand } from '../../bin/trust.ts'
import { Secret } from '../../src/core/secret.ts'
import { openHttp } from '../../src/http/open.ts'
import { createAuthority, type LabAuthority } from '../../src/lab/authority.ts'
import { startAzure, type LabAdministrator, type LabAzure } from '../../src/lab/azure.ts'

/** How a run of the command ended. */
export type TrustRun = { code: number; text: string }

/** A lab tenant, and `trust` on it. */
export type TrustLab = {
  authority: LabAuthority
  azure: LabAzure
  folder: string
  policyFile: string
  configFile: string
  policy: () => string
  /** Writes the policy; ACCOUNT, TENANT and SUBSCRIPTION in it are replaced. */
  writePolicy: (text: string) => void
  /** Runs `trust …` with the two files behind the command. */
  run: (command: string, changes?: Partial<TrustIo>) => Promise<TrustRun>
  /** Graph and ARM with tokens of this administrator; `pause` is what waiting does. */
  open: (as?: LabAdministrator, pause?: (milliseconds: number) => void) => OpenAzure
  close: () => Promise<void>
}

/** The account and the container that are there. */
export const places = { account: 'acmeart', container: 'artifacts' }

/** Starts an empty tenant; `authority` is the one everything's certificates come from. */
export async function startTrustLab(authority?: LabAuthority): Promise<TrustLab> {
  const ca = authority ?? (await createAuthority())
  const azure = await startAzure(
    { authority: ca, now: () => new Date() },
    { accounts: [places.account] },
  )
  await azure.createContainer(places.account, places.container)
  const folder = mkdtempSync(join(tmpdir(), 'asd-trust-'))
  const [policyFile, configFile] = [join(folder, 'policy.yaml'), join(folder, 'service.yaml')]
  writeFileSync(configFile, 'issuer_url: https://ci.example/oidc\ninstances: { main: {} }\n')
  const http = openHttp({ maxConnections: 4, ca: [ca.caPem], maxBodyBytes: 2 ** 24 })
  const lab: TrustLab = {
    authority: ca,
    azure,
    folder,
    policyFile,
    configFile,
    policy: () => readFileSync(policyFile, 'utf8'),
    writePolicy(text) {
      const { tenantId, subscriptionId, resourceGroup } = azure
      const ids = { TENANT: tenantId, SUBSCRIPTION: subscriptionId, GROUP: resourceGroup }
      const written = Object.entries(ids).reduce(
        (now, [name, id]) => now.replaceAll(name, id),
        text,
      )
      writeFileSync(policyFile, written)
    },
    async run(command, changes = {}) {
      const [name = '', ...rest] = command.split(' ')
      let text = ''
      const code = await trustCommand([name, policyFile, '--config', configFile, ...rest], {
        readFile: (path) => readFileSync(path, 'utf8'),
        writeFile: (path, content) => writeFileSync(path, content),
        write: (part) => void (text += part),
        ask: () => Promise.resolve(undefined),
        openAzure: () => lab.open(),
        ...changes,
      })
      return { code, text }
    },
    open: (as = azure.administrator, pause) => ({
      deps: {
        send: http.send,
        graph: {
          name: 'Microsoft Graph',
          origin: new URL(azure.graph.url),
          token: async () => new Secret(await as.graphToken()),
        },
        arm: {
          name: 'Azure Resource Manager',
          origin: new URL(azure.arm.url),
          token: async () => new Secret(await as.armToken()),
        },
        retry: {
          random: () => 0.5,
          sleep: async (milliseconds) => {
            pause?.(milliseconds)
            await wait(1)
          },
        },
        now: () => new Date(),
      },
      close: () => undefined,
    }),
    async close() {
      http.close()
      await azure.close()
      rmSync(folder, { recursive: true })
    },
  }
  return lab
}
