// Runs the bundled step once, against servers in memory, and keeps what V8 compiled on the way: the
// part of the code that every step needs. The build calls it; a step that fails here fails the build.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createAuthority } from '../src/lab/authority.ts'
import { startStore } from '../src/transfer/blob/blob-store.fixture.ts'
import { cacheFileOf, loadStep } from './plugin-load.ts'

const dist = join(import.meta.dirname, '../dist')
const folder = mkdtempSync(join(tmpdir(), 'asd-rehearsal-'))
const tree = join(folder, 'tree')

const authority = await createAuthority()
const { certPem: cert, keyPem: key } = await authority.issue(['localhost'])
const store = await startStore({ cert, key })
// Trust service and Entra at once.
const identities = createServer({ cert, key }, (request, response) => {
  const identity = { name: 'rehearsal', tenant_id: 'tenant', client_id: 'client' }
  const body = request.method === 'GET' ? { value: 'a.e30.c', identity } : granted
  request.resume().on('end', () => response.end(JSON.stringify(body)))
})
const granted = { access_token: 'rehearsal', expires_in: 3600 }

try {
  await new Promise<void>((resolve) => identities.listen(0, '127.0.0.1', resolve))
  const address = identities.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const origin = `https://localhost:${port}`
  const where = Buffer.from(JSON.stringify({ url: origin })).toString('base64url')
  mkdirSync(tree)
  for (const name of ['a.js', 'b.html', 'c']) writeFileSync(join(tree, name), name)
  const caFile = join(folder, 'ca.pem')
  writeFileSync(caFile, authority.caPem)
  Object.assign(process.env, {
    PLUGIN_TOKEN: `asd1.${where}.rehearsal`,
    PLUGIN_ACCOUNT: 'account',
    PLUGIN_CONTAINER: 'ccc',
    PLUGIN_ENDPOINT: store.origin.origin,
    PLUGIN_AUTHORITY_HOST: origin,
    PLUGIN_CA_FILE: caFile,
    PLUGIN_TRANSFERS: JSON.stringify([
      { action: 'upload', source: join(tree, 'a.js'), target: 'one' },
      { action: 'upload', source: tree, target: 'all' },
      { action: 'sync', source: tree, target: 'all' },
      { action: 'download', source: 'all', target: join(folder, 'back') },
    ]),
  })
  const { script, step } = loadStep(dist)
  const exitCode = await step.runStep()
  if (exitCode !== 0) throw new Error(`the rehearsal of the plugin ended with ${exitCode}`)
  writeFileSync(cacheFileOf(dist), script.createCachedData())
} finally {
  identities.close()
  identities.closeAllConnections()
  await store.close()
  rmSync(folder, { recursive: true, force: true })
}
