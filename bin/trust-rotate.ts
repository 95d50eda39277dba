// `trust rotate`: signing keys through the trust service, and federated credentials when a repository or
// its owner is renamed or transferred.
import { parseArgs } from 'node:util'

import { messageOf } from '../src/core/fault.ts'
import type { KeysAnswer } from '../src/trust/admin-api.ts'
import { writeKeys } from '../src/trust/rotate-text.ts'
import type { TrustService } from '../src/trust/service-client.ts'
import { isWanted } from './trust-desk.ts'
import { azureOptions, shared, usage, type TrustIo } from './trust-input.ts'
import { runRename } from './trust-rotate-rename.ts'
import { serviceOptions, withService } from './trust-service.ts'

const options = {
  ...shared,
  ...azureOptions,
  ...serviceOptions,
  keys: { type: 'boolean' },
  emergency: { type: 'boolean' },
  rename: { type: 'string' },
  'new-id': { type: 'string' },
  instance: { type: 'string' },
  finish: { type: 'boolean' },
  yes: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
} as const

/** Runs `trust rotate`; resolves to the exit code. */
export async function runRotate(args: string[], io: TrustIo): Promise<number> {
  const { values, positionals } = read(args)
  const [file, ...more] = positionals
  const { keys: isKeys = false, rename, emergency = false } = values
  if (isKeys === (rename !== undefined)) throw usage('rotate takes --keys or --rename OLD=NEW.')
  if (rename === undefined) {
    if (file !== undefined) throw usage('rotate --keys takes no file.')
    const { yes: isSure = false, 'dry-run': isDry = false } = values
    return withService(values, (service) => rotateKeys(io, service, { emergency, isDry, isSure }))
  }
  if (emergency) throw usage('--emergency is for --keys.')
  if (file === undefined || more.length > 0) throw usage('one policy file is needed.')
  return runRename(io, file, { ...values, rename })
}

function read(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (cause) {
    throw usage(messageOf(cause), cause)
  }
}

type KeyOrder = { emergency: boolean; isDry: boolean; isSure: boolean }

async function rotateKeys(
  io: TrustIo,
  service: TrustService | undefined,
  { emergency, isDry, isSure }: KeyOrder,
): Promise<number> {
  if (!service) {
    throw usage(
      "rotate --keys asks the trust service: name its admin door with --service URL, or run `azure-storage-drone issuer rotate` on the service's own machine.",
    )
  }
  const before = await service.keys()
  io.write(writeKeys(before))
  io.write(emergency ? emergencyPlan : ordinaryPlan(before))
  if (isDry) return 0
  if (emergency && !isSure && !(await isWanted(io, 'Let a new key sign at once?'))) {
    io.write('Nothing was changed.\n')
    return 4
  }
  io.write(writeKeys(await service.rotateKeys({ emergency })))
  return 0
}

function ordinaryPlan({ keys }: KeysAnswer): string {
  return keys.some(({ state }) => state === 'next')
    ? 'There is a next key already: it takes over by itself once relying parties have had a day to read it. No build is refused.\n'
    : 'A next key is made and published now; it signs once the public URL has served it for 24 hours. No build is refused.\n'
}

const emergencyPlan = `A key signs at once that relying parties may not have read yet: builds may be refused for half an hour or longer.
`
