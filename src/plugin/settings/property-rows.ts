// Settings that say what is kept beside the content, and how the content travels.
import { moving, type SettingRow, type Way } from './row.ts'

const up: readonly Way[] = ['up']

/** Headers, metadata, compression and integrity. */
export const propertyRows = {
  content_type: {
    help: 'Content-Type: one text, or a map from globs to texts',
    type: 'values',
    otherwise: 'by the file’s name',
    ways: up,
  },
  content_encoding: {
    help: 'Content-Encoding: one text, or a map from globs to texts',
    type: 'values',
    ways: up,
  },
  content_language: {
    help: 'Content-Language: one text, or a map from globs to texts',
    type: 'values',
    ways: up,
  },
  content_disposition: {
    help: 'Content-Disposition: one text, or a map from globs to texts',
    type: 'values',
    ways: up,
  },
  cache_control: {
    help: 'Cache-Control: one text, or a map from globs to texts',
    type: 'values',
    ways: up,
  },
  metadata: {
    help: 'metadata: a map of names and values for all files, or a map from globs to such maps',
    type: 'pairs',
    ways: up,
  },
  tags: {
    help: 'blob index tags, written as `metadata` is',
    type: 'pairs',
    aliases: ['blob_tags', 'index_tags'],
    ways: up,
    service: 'blob',
  },
  tier: {
    help: 'access tier: `Hot`, `Cool`, `Cold` or `Archive` for all files, or a map from globs to tiers',
    type: 'values',
    otherwise: 'the account’s',
    aliases: ['access_tier'],
    ways: up,
    service: 'blob',
  },
  rules: {
    help: 'a list of maps with `match` (globs) and any of the settings above and `compress`; of several the first that names a property decides it',
    type: 'maps',
    ways: up,
  },
  compress: {
    help: 'compress on the way: a list of globs (gzip), a map from globs to `gzip`, `br` or `zstd`, or `true` for the usual text files',
    type: 'compress',
    ways: up,
  },
  precompressed: {
    help: 'send `x.br`, `x.zst` or `x.gz` in place of `x` when it lies beside it',
    type: 'flag',
    fallback: 'false',
    ways: up,
  },
  decompress: {
    help: 'unpack on download: `auto` what this plugin compressed, `always` whatever has a Content-Encoding, or `never`',
    type: 'choice',
    fallback: 'auto',
    values: ['auto', 'always', 'never'],
    ways: ['down'],
  },
  site: {
    help: 'publish a web site: assets first, pages last, removals at the very end',
    type: 'flag',
    fallback: 'false',
    aliases: ['web'],
    ways: up,
    service: 'blob',
  },
  preserve: {
    help: 'keep mode and time of change, and restore them',
    type: 'flag',
    otherwise: '`true`; `false` with `site`',
    ways: moving,
  },
  integrity: {
    help: 'the checksum that goes with every request, is kept with every file and is checked on download',
    type: 'choice',
    fallback: 'crc64',
    values: ['crc64', 'md5', 'none'],
    ways: moving,
  },
} as const satisfies Record<string, SettingRow>
