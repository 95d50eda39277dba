// The JavaScript SDK as a peer: uploads or downloads every file of a folder, 32 at a time, or lists.
//   node sdk.mjs up|down|list ORIGIN CONTAINER PATH [FOLDER]
import { mkdirSync, readdirSync } from 'node:fs'

import { AnonymousCredential, ContainerClient } from '@azure/storage-blob'

const [way, origin, container, path, folder = '.'] = process.argv.slice(2)
const client = new ContainerClient(
  `${origin}/acct/${container}?sv=2022-11-02&sig=bench`,
  new AnonymousCredential(),
)

async function each(names, work) {
  const left = names.values()
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (const name of left) await work(name)
    }),
  )
}

async function list() {
  const names = []
  for await (const page of client.listBlobsFlat({ prefix: path }).byPage({ maxPageSize: 5000 })) {
    for (const { name } of page.segment.blobItems) names.push(name)
  }
  return names
}

if (way === 'up') {
  await each(readdirSync(folder), (name) =>
    client.getBlockBlobClient(`${path}/${name}`).uploadFile(`${folder}/${name}`),
  )
} else if (way === 'down') {
  mkdirSync(folder, { recursive: true })
  await each(await list(), (name) =>
    client.getBlobClient(name).downloadToFile(`${folder}/${name.slice(name.lastIndexOf('/') + 1)}`),
  )
} else process.stdout.write(`${(await list()).length}\n`)
