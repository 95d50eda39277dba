// Failures of upgrades, backups and restores: codes are `store_<what>`, `backup_<what>`, `restore_<what>`.
import { row, type FaultRow } from './fault-row.ts'

/** Codes of what an operator does with the whole state of a service. */
export const backupFaults = {
  store_newer: row(
    500,
    4,
    'Run the release that migrated it, or a newer one; to go back, use the copy or the backup from before (docs/upgrades.md).',
  ),
  store_not_empty: row(
    409,
    4,
    'Restore into an empty `state_dir` or database; what is there is never overwritten.',
  ),
  backup_invalid: row(
    409,
    6,
    'Use another copy of this backup, or an older one; nothing of this one was put in place.',
  ),
  backup_version: row(
    409,
    4,
    'Take the backup with the release that runs the service (docs/upgrades.md).',
  ),
  restore_unfinished: row(
    500,
    4,
    'Run `azure-storage-drone restore` again; it begins anew and finishes.',
  ),
  backup_locked: row(
    403,
    3,
    'Give the passphrase file that the backup was written with (--passphrase-file).',
  ),
} satisfies Record<string, FaultRow>
