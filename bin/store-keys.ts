// The key files of a service as documents of its store, so that `store move` takes them along: in a
// database they are encrypted with the key-encryption key of the target.
import { join } from 'node:path'

import { resealKeys } from '../src/audit/keyring.ts'
import type { ServiceConfig } from '../src/config/service-config.ts'
import { formatKeyFile, parseKeyFile, type KeyFile } from '../src/keys/key-file.ts'
import { readPrivateFile } from '../src/keys/private-file.ts'
import type { WholeStore } from '../src/store/move.ts'
import { ledgerSecretOf } from './service-ledger.ts'

/** The source with its key files among its documents; throws keys_unreadable. */
export async function withKeyFiles(
  { from, to }: { from: WholeStore; to: WholeStore },
  source: ServiceConfig,
  target: ServiceConfig,
): Promise<WholeStore> {
  const documents = new Map<string, string>()
  const add = async (name: string, rewrite: (file: string, text: string) => Promise<string>) => {
    const file = join(source.stateFolder, `${name}.json`)
    const text = await readPrivateFile(file)
    if (text !== undefined) documents.set(name, await rewrite(file, text))
  }
  if (target.keys.vault) await add('key-vault-ring', async (_file, text) => text)
  else {
    await add('signing-keys', async (file, text) => {
      const keys = await parseKeyFile(file, text, source.keys.encryptionKey)
      const there = await to.readDocument('signing-keys')
      const key = target.keys.encryptionKey
      // Sealed twice, the same keys are two texts.
      if (there && isSame(keys, await parseKeyFile('in the database', there.text, key))) {
        return there.text
      }
      return formatKeyFile(keys.ring, keys.pairs, key)
    })
  }
  for (const { node } of await from.listChains()) {
    const name = `ledger-key.${node}`
    await add(name, async (file, text) => {
      const there = (await to.readDocument(name))?.text
      return resealKeys(
        node,
        { name: file, text, sealWith: source.keys.encryptionKey },
        { name: `${name} of the database`, there, sealWith: ledgerSecretOf(target) },
      )
    })
  }
  return {
    ...from,
    readDocument: async (name) => {
      const text = documents.get(name)
      return text === undefined ? from.readDocument(name) : { version: 1, text }
    },
    readDocuments: async () => [
      ...(await from.readDocuments()).filter(({ name }) => !documents.has(name)),
      ...[...documents].map(([name, text]) => ({ name, version: 1, text })),
    ],
  }
}

function isSame(one: KeyFile, other: KeyFile): boolean {
  const textOf = ({ ring, pairs }: KeyFile) => JSON.stringify([ring, [...pairs]])
  return textOf(one) === textOf(other)
}
