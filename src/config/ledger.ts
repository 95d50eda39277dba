// What becomes of the ledger: when it is closed and archived, and where its signed checkpoints are kept
// besides: `ledger:` of the configuration.
import * as z from 'zod'

/** Where checkpoints are kept besides the ledger itself. */
export type AnchorSettings = {
  /** A file that only grows. */
  file?: string
  /** A syslog server: `udp://`, `tcp://` or `unix://`. */
  syslog?: URL
}

/** The choices, with units in their names. */
export type LedgerSettings = {
  /** A segment of the chain is closed when it has this many records, or its month is over. */
  segmentRecords: number
  /** Closed segments older than this move to the folder. */
  archive?: { folder: string; keepDays: number }
  anchor: AnchorSettings
}

const syslog = z.string().transform((text, context): URL => {
  const url = URL.parse(text)
  const isRemote = url && /^(udp|tcp):$/.test(url.protocol) && url.hostname !== ''
  const isLocal = url?.protocol === 'unix:' && url.pathname.length > 1
  if (url && (isRemote || isLocal)) return url
  const message = 'must be udp://HOST:PORT, tcp://HOST:PORT or unix:///PATH'
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

/** The `ledger` of the file. */
export const ledgerSchema = z
  .strictObject({
    segment_records: z.int().min(1000).max(10_000_000).default(100_000),
    keep_days: z.int().min(1).optional(),
    archive: z.string().min(1).optional(),
    anchor: z
      .strictObject({ file: z.string().min(1).optional(), syslog: syslog.optional() })
      .default({}),
  })
  .prefault({})
  .refine(({ keep_days: days, archive }) => (days === undefined) === (archive === undefined), {
    message: 'keep_days and archive belong together: what is older, and where it goes',
  })
  .transform(
    ({
      segment_records: segmentRecords,
      keep_days: keepDays,
      archive,
      anchor,
    }): LedgerSettings => ({
      segmentRecords,
      ...(keepDays !== undefined &&
        archive !== undefined && { archive: { folder: archive, keepDays } }),
      anchor: {
        ...(anchor.file !== undefined && { file: anchor.file }),
        ...(anchor.syslog && { syslog: anchor.syslog }),
      },
    }),
  )
