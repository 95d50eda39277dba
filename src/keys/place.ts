// Where the document of the key ring is kept: in a private file of this machine, or in a database that
// several replicas share. One writer at a time; everybody else reads, and sees by the version what changed.
import { withFileLock } from './lock.ts'
import { readPrivateFile, replacePrivateFile, unusable, versionOf } from './private-file.ts'

/** A place for one document. */
export type KeyPlace = {
  /** What sentences call it, such as a path. */
  name: string
  /** Tells one version from another, cheaply; empty when there is nothing. */
  version(): Promise<string>
  /** The version and the text; undefined when there is none. Throws keys_unreadable or store_unavailable. */
  read(): Promise<{ version: string; text: string } | undefined>
  /** Replaces the text, only inside `locked`; `version` is what was read there, empty for nothing. */
  write(version: string, text: string): Promise<void>
  /** Does some work while nobody else does theirs; throws keys_busy. */
  locked<Value>(work: () => Promise<Value>): Promise<Value>
  /** How long a replica may sign with what it read last while it cannot read again. */
  trustedForSeconds: number
}

/** Named documents of a store, each with the number of its version, as many replicas share them. */
export type Documents = {
  readDocument(name: string): Promise<{ version: number; text: string } | undefined>
  /** Writes over the version that is expected, 0 for none; false when another one is there. */
  writeDocument(name: string, expectedVersion: number, text: string): Promise<boolean>
  /** Does some work while no other replica holds the lock of this name. */
  withLock<Value>(name: string, work: () => Promise<Value>): Promise<Value>
}

/** A file of mode 0600, under the lock beside it. */
export function fileKeyPlace(file: string): KeyPlace {
  return {
    name: file,
    version: () => versionOf(file),
    async read() {
      const version = await versionOf(file)
      const text = await readPrivateFile(file)
      return text === undefined ? undefined : { version, text }
    },
    write: (_, text) => replacePrivateFile(file, text),
    locked: (work) => withFileLock(file, work),
    // Who can keep this machine from reading its own disk can do anything with it.
    trustedForSeconds: Infinity,
  }
}

// A revoked key may not outlive its revocation on a replica that lost the database.
const blindSeconds = 30

/** A document of a shared store, under the store's lock of the same name. */
export function documentKeyPlace(documents: Documents, name: string): KeyPlace {
  const read = async () => {
    const found = await documents.readDocument(name)
    return found && { version: String(found.version), text: found.text }
  }
  const place = `${name} of the database`
  return {
    name: place,
    version: async () => (await read())?.version ?? '',
    read,
    async write(version, text) {
      if (await documents.writeDocument(name, Number(version), text)) return
      throw unusable(place, 'another replica changed it without holding its lock')
    },
    locked: (work) => documents.withLock(name, work),
    trustedForSeconds: blindSeconds,
  }
}
