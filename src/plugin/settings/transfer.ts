// One transfer of a step: from settings to a job the engine understands, or every problem with it.
import type { Cloud } from '../../azure/clouds.ts'
import type { Job, Moving, Naming, Selecting } from '../../transfer/job.ts'
import { type SettingName, settingNames, settingsTable } from '../settings-table.ts'
import { type CacheJob, isCacheAction, readCache } from './cache.ts'
import { type Place, readPlace } from './place.ts'
import type { Reader } from './reader.ts'
import type { Action, SettingRow, Way } from './row.ts'
import { readRules } from './rules.ts'
import { quote } from './values.ts'

/** Read-only links to single blobs. */
export type LinkJob = { action: 'link'; names: readonly string[]; lifetimeSeconds: number }

/** One transfer, checked. */
export type Transfer = {
  /** `transfer 2`; empty when the step has only one. */
  title: string
  /** What was asked for; a sync is an upload or a download to the engine. */
  action: Action
  place: Place
  dryRun: boolean
  job: Job | LinkJob | CacheJob
}

/** Reads one transfer; `own` are the settings written for this one, not taken over from the step. */
export function readTransfer(
  reader: Reader,
  { title, cloud, own }: { title: string; cloud: Cloud; own: Iterable<SettingName> },
): Transfer {
  const action = reader.choice<Action>('action', 'upload')
  const way = toWay(action, reader.choice<'up' | 'down'>('direction', 'up'))
  const place = readPlace(reader, cloud)
  // With a wrong action nothing can be said about the others.
  const named = reader.raw('action')
  if (typeof named === 'string' && settingsTable.action.values?.includes(named)) {
    checkMeaning(reader, { action, way, place, own })
  }
  const dryRun = reader.flag('dry_run')
  return {
    title,
    action,
    place,
    dryRun,
    job: isCacheAction(action) ? readCache(reader, action) : readJob(reader, action, way),
  }
}

/** Whether a setting means something for what is done. */
export function isMeant(
  row: SettingRow,
  { action, way, service }: { action: Action; way: Way; service: Place['service'] },
): boolean {
  if (row.service !== undefined && row.service !== service) return false
  if (row.syncOnly && action === 'sync') return true
  return row.ways === undefined || row.ways.includes(way)
}

/** The direction of an action. */
export function toWay(action: Action, direction: 'up' | 'down'): Way {
  if (action === 'sync') return direction
  if (action === 'upload') return 'up'
  return action === 'download' ? 'down' : action
}

function checkMeaning(
  reader: Reader,
  {
    own,
    place: { service },
    ...done
  }: { action: Action; way: Way; place: Place; own: Iterable<SettingName> },
): void {
  const shown = done.action === 'sync' ? `a sync ${done.way}` : `\`${done.action}\``
  for (const name of own) {
    const row = settingsTable[name]
    if (isMeant(row, { ...done, service })) continue
    const isService = row.service !== undefined && row.service !== service
    reader.refuse(
      name,
      isService
        ? 'is known to Blob Storage only, not to Azure Files'
        : `means nothing for ${shown}`,
    )
  }
}

function readJob(reader: Reader, action: Action, way: Way): Job | LinkJob {
  switch (way) {
    case 'up':
      return {
        ...readMoving(reader, action, way),
        action: 'upload',
        rules: readRules(reader),
        precompressed: reader.flag('precompressed'),
        site: reader.flag('site'),
      }
    case 'down':
      return {
        ...readMoving(reader, action, way),
        action: 'download',
        decompress: reader.choice<'auto' | 'always' | 'never'>('decompress', 'auto'),
      }
    case 'list':
      return { action: 'list', select: readSelecting(reader, ['.']) }
    case 'verify':
      return {
        action: 'verify',
        select: readSelecting(reader, ['.']),
        naming: readNaming(reader, reader.text('target') ?? ''),
      }
    case 'remove':
      return readRemoval(reader)
    default:
      return readLinks(reader)
  }
}

function readRemoval(reader: Reader): Job {
  const select = readSelecting(reader)
  if (select.sources.some((source) => isEverything(source)) && !reader.has('max_delete')) {
    const why = `means everything there is: give ${reader.label('max_delete')} as well`
    reader.refuse('source', why)
  }
  return { action: 'remove', select, maxDelete: readMaxDelete(reader) }
}

function readLinks(reader: Reader): LinkJob {
  if (reader.raw('service') === 'files' || reader.has('share')) {
    reader.refuse('share', 'has no links: they are made for blobs')
  }
  return {
    action: 'link',
    names: readSources(reader).map((name) => name.replace(/^\/+/, '')),
    lifetimeSeconds: reader.duration('lifetime'),
  }
}

function readMoving(reader: Reader, action: Action, way: 'up' | 'down'): Omit<Moving, 'action'> {
  const select = readSelecting(reader)
  if (way === 'down' && select.symlinks === 'follow') {
    reader.refuse('symlinks', 'is “follow” and can be skip or keep for a download')
  }
  const deletes = reader.flag('delete')
  if (deletes && select.ifNoFiles !== 'error') {
    reader.refuse(
      'if_no_files',
      `does not fit ${reader.label('delete')}: an empty source would empty the target`,
    )
  }
  return {
    select,
    naming: readNaming(reader, readTarget(reader, way)),
    integrity: reader.choice<Moving['integrity']>('integrity', 'crc64'),
    overwrite: reader.choice<Moving['overwrite']>(
      'overwrite',
      action === 'sync' ? 'changed' : 'always',
    ),
    preserve: reader.has('preserve') ? reader.flag('preserve') : !reader.flag('site'),
    deletes,
    maxDelete: readMaxDelete(reader),
    protect: reader.list('protect'),
  }
}

function readNaming(reader: Reader, target: string): Naming {
  const flatten = reader.flag('flatten')
  if (flatten && reader.has('strip_prefix')) {
    reader.refuse('strip_prefix', `does not fit ${reader.label('flatten')}, which keeps only names`)
  }
  return { target, stripPrefix: reader.text('strip_prefix') ?? '', flatten }
}

function readSelecting(reader: Reader, otherwise?: readonly string[]): Selecting {
  const ignoreFile = reader.text('ignore_file')
  return {
    sources: readSources(reader, otherwise),
    include: reader.list('include'),
    exclude: reader.list('exclude'),
    dotfiles: reader.flag('dotfiles'),
    caseSensitive: reader.flag('case_sensitive'),
    symlinks: reader.choice<Selecting['symlinks']>('symlinks', 'skip'),
    emptyFolders: reader.flag('empty_folders'),
    ifNoFiles: reader.choice<Selecting['ifNoFiles']>('if_no_files', 'error'),
    ...(ignoreFile !== undefined && { ignoreFile }),
  }
}

function readSources(reader: Reader, otherwise?: readonly string[]): string[] {
  if (!reader.has('source')) {
    if (otherwise === undefined)
      reader.refuse('source', `is missing (${settingsTable.source.help})`)
    return [...(otherwise ?? [])]
  }
  const sources = reader.list('source')
  if (sources.some((source) => source.includes('\0')))
    reader.refuse('source', 'contains a NUL byte')
  if (sources[0] !== undefined && /^!(?!\()/.test(sources[0])) {
    reader.refuse(
      'source',
      `begins with ${quote(sources[0])}, which takes away from nothing: put a source before it`,
    )
  }
  return sources
}

function readMaxDelete(reader: Reader): number {
  return reader.count('max_delete') ?? Number.MAX_SAFE_INTEGER
}

function readTarget(reader: Reader, way: 'up' | 'down'): string {
  const text = reader.text('target') ?? ''
  if (way === 'down') return text === '' ? '.' : text
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.includes('..'))
    reader.refuse('target', `is ${quote(text)} and must not contain \`..\``)
  return segments.join('/')
}

function isEverything(source: string): boolean {
  return /^[./*]*$/.test(source)
}

/** The settings a transfer may have: those that do not belong to the step as a whole. */
export function isOfTransfer(name: SettingName): boolean {
  return settingNames().includes(name) && settingsTable[name].scope !== 'step'
}
