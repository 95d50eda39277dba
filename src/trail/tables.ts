// The tables of the read model as the projection fills them: their columns, how rows of one key are folded
// into one, and what happens in the database where the key is there already.
import type { TrailColumn, TrailRows, TrailValue } from '../store/trail-tables.ts'

type Key = readonly TrailValue[]

/** Sums by key, with the first and the last moment of what was added. */
export type Sums = {
  add: (key: Key, counts: readonly number[], span?: readonly [number, number]) => void
  rows: () => TrailValue[][]
}

/** What a record says of a build. */
export type BuildWord = {
  key: Key
  /** Of two words the one with the greater key counts. */
  factKey: string
  facts: readonly TrailValue[]
  class: string
  at: number
  endedAt: number
  counts: readonly number[]
}

/** Rows on their way to the tables, one for each key. */
export type Fold = {
  events: TrailValue[][]
  transfers: TrailValue[][]
  builds: { add: (word: BuildWord) => void; rows: () => TrailValue[][] }
  marks: Keys
  identities: Sums
  identityBuilds: Keys
  items: Keys
  places: Sums
  use: Sums
  denials: Sums
}

type Keys = { set: (row: TrailValue[]) => void; rows: () => TrailValue[][] }

/** Nothing folded yet. */
export function emptyFold(): Fold {
  return {
    events: [],
    transfers: [],
    builds: createBuilds(),
    marks: createKeys(4),
    identities: createSums('both'),
    identityBuilds: createKeys(4),
    // A name that a receipt has twice counts once.
    items: createKeys(6),
    places: createSums('last'),
    use: createSums('none'),
    denials: createSums('none'),
  }
}

/** The rows of all tables that have any, in one order for all writers. */
export function tables(fold: Fold): TrailRows[] {
  const parts: TrailRows[] = [
    { ...forms.builds, rows: fold.builds.rows() },
    { ...forms.events, rows: fold.events },
    { ...forms.marks, rows: fold.marks.rows() },
    { ...forms.identities, rows: fold.identities.rows() },
    { ...forms.identityBuilds, rows: fold.identityBuilds.rows() },
    { ...forms.transfers, rows: fold.transfers },
    { ...forms.items, rows: fold.items.rows() },
    { ...forms.places, rows: fold.places.rows() },
    { ...forms.use, rows: fold.use.rows() },
    { ...forms.denials, rows: fold.denials.rows() },
  ]
  return parts.filter(({ rows }) => rows.length > 0)
}

function createSums(span: 'both' | 'last' | 'none'): Sums {
  const sums = new Map<string, { key: Key; counts: number[]; first: number; last: number }>()
  return {
    add: (key, counts, [first, last] = [0, 0]) => {
      const name = JSON.stringify(key)
      const known = sums.get(name)
      if (!known) {
        sums.set(name, { key, counts: [...counts], first, last })
        return
      }
      for (const [index, count] of counts.entries())
        known.counts[index] = (known.counts[index] ?? 0) + count
      known.first = Math.min(known.first, first)
      known.last = Math.max(known.last, last)
    },
    rows: () =>
      [...sums.values()].map(({ key, counts, first, last }) => [
        ...key,
        ...(span === 'both' ? [first] : []),
        ...(span === 'none' ? [] : [last]),
        ...counts,
      ]),
  }
}

function createKeys(width: number): Keys {
  const rows = new Map<string, TrailValue[]>()
  return {
    set: (row) => void rows.set(JSON.stringify(row.slice(0, width)), row),
    rows: () => [...rows.values()],
  }
}

type BuildSum = BuildWord & { firstAt: number; counts: number[] }

function createBuilds(): Fold['builds'] {
  const builds = new Map<string, BuildSum>()
  return {
    add: (word) => {
      const name = JSON.stringify(word.key)
      const known = builds.get(name)
      if (!known) {
        builds.set(name, { ...word, firstAt: word.at, counts: [...word.counts] })
        return
      }
      if (word.factKey > known.factKey)
        Object.assign(known, { factKey: word.factKey, facts: word.facts })
      if (word.class > known.class) known.class = word.class
      known.firstAt = Math.min(known.firstAt, word.at)
      known.at = Math.max(known.at, word.at)
      known.endedAt = Math.max(known.endedAt, word.endedAt)
      for (const [index, count] of word.counts.entries()) {
        known.counts[index] = (known.counts[index] ?? 0) + count
      }
    },
    rows: () =>
      [...builds.values()].map((build) => {
        const [tokens = 0, denials = 0] = build.counts
        const spans = [build.firstAt, build.at, build.endedAt]
        return [
          ...build.key,
          build.factKey,
          ...build.facts,
          build.class,
          outcomeOf(tokens, denials),
          ...spans,
          ...build.counts,
        ]
      }),
  }
}

function outcomeOf(tokens: number, denials: number): string {
  if (denials === 0) return tokens > 0 ? 'allowed' : 'asked'
  return tokens > 0 ? 'partly' : 'denied'
}

const texts = (...names: string[]): TrailColumn[] => names.map((name) => [name, 'text'])
const numbers = (...names: string[]): TrailColumn[] => names.map((name) => [name, 'bigint'])

const factNames = [
  'repo',
  'number',
  'event',
  'ref',
  'sha',
  'source_repo',
  'sender',
  'started_by',
  'status',
] as const
const countNames = ['tokens', 'denials', 'transfers', 'failures', 'files', 'bytes'] as const

const add = (table: string, names: readonly string[]) =>
  names.map((name) => `${name} = ${table}.${name} + excluded.${name}`)
const least = (table: string, name: string) =>
  `${name} = CASE WHEN excluded.${name} < ${table}.${name} THEN excluded.${name} ELSE ${table}.${name} END`
const most = (table: string, name: string) =>
  `${name} = CASE WHEN excluded.${name} > ${table}.${name} THEN excluded.${name} ELSE ${table}.${name} END`
const newer = (name: string) =>
  `${name} = CASE WHEN excluded.fact_key > trail_build.fact_key THEN excluded.${name} ELSE trail_build.${name} END`

const forms = {
  builds: {
    table: 'trail_build',
    columns: [
      ...texts('instance'),
      ...numbers('build_id'),
      ...texts('fact_key'),
      ...factNames.flatMap((name) => (name === 'number' ? numbers(name) : texts(name))),
      ...texts('class', 'outcome'),
      ...numbers('first_at', 'last_at', 'ended_at', ...countNames),
    ],
    onConflict: `(instance, build_id) DO UPDATE SET ${[
      ...factNames.map((name) => newer(name)),
      ...['fact_key', 'class', 'last_at', 'ended_at'].map((name) => most('trail_build', name)),
      least('trail_build', 'first_at'),
      ...add('trail_build', countNames),
      `outcome = CASE
        WHEN trail_build.denials + excluded.denials = 0
          THEN CASE WHEN trail_build.tokens + excluded.tokens > 0 THEN 'allowed' ELSE 'asked' END
        WHEN trail_build.tokens + excluded.tokens > 0 THEN 'partly' ELSE 'denied' END`,
    ].join(', ')}`,
  },
  events: {
    table: 'trail_event',
    columns: [
      ...numbers('at'),
      ...texts('node'),
      ...numbers('seq'),
      ...texts('type', 'decision', 'rule', 'reason', 'instance'),
      ...numbers('build_id'),
      ...texts('repo'),
      ...numbers('number'),
    ],
    onConflict: '(at, node, seq) DO NOTHING',
  },
  marks: {
    table: 'trail_mark',
    columns: [...texts('mark', 'instance'), ...numbers('build_id'), ...texts('said_by')],
    onConflict: '(mark, instance, build_id, said_by) DO NOTHING',
  },
  identities: {
    table: 'trail_identity',
    columns: [...texts('tenant', 'client_id', 'rule'), ...numbers('first_at', 'last_at', 'tokens')],
    onConflict: `(tenant, client_id, rule) DO UPDATE SET ${[
      least('trail_identity', 'first_at'),
      most('trail_identity', 'last_at'),
      ...add('trail_identity', ['tokens']),
    ].join(', ')}`,
  },
  identityBuilds: {
    table: 'trail_identity_build',
    columns: [...texts('client_id', 'rule', 'instance'), ...numbers('build_id')],
    onConflict: '(client_id, rule, instance, build_id) DO NOTHING',
  },
  transfers: {
    table: 'trail_transfer',
    columns: [
      ...numbers('at'),
      ...texts('node'),
      ...numbers('seq'),
      ...texts('instance'),
      ...numbers('build_id'),
      ...texts('repo'),
      ...numbers('number'),
      ...texts('rule', 'step', 'action', 'outcome', 'account', 'service', 'container', 'prefix'),
      ...numbers('files', 'bytes', 'duration_ms', 'page'),
    ],
    onConflict: '(node, seq) DO NOTHING',
  },
  items: {
    table: 'trail_item',
    columns: [
      ...texts('account', 'service', 'container', 'name', 'node'),
      ...numbers('seq'),
      ...texts('etag'),
      ...numbers('bytes'),
    ],
    onConflict: '(account, service, container, name, node, seq) DO NOTHING',
  },
  places: {
    table: 'trail_place',
    columns: [
      ...texts('account', 'service', 'container'),
      ...numbers('last_at', 'transfers', 'bytes'),
    ],
    onConflict: `(account, service, container) DO UPDATE SET ${[
      most('trail_place', 'last_at'),
      ...add('trail_place', ['transfers', 'bytes']),
    ].join(', ')}`,
  },
  use: {
    table: 'trail_use',
    columns: [
      ...texts('span', 'repo'),
      ...numbers('at', 'tokens', 'denials', 'transfers', 'bytes', 'duration_ms'),
    ],
    onConflict: `(span, repo, at) DO UPDATE SET ${add('trail_use', ['tokens', 'denials', 'transfers', 'bytes', 'duration_ms']).join(', ')}`,
  },
  denials: {
    table: 'trail_denial',
    columns: [...numbers('at'), ...texts('rule', 'reason'), ...numbers('count')],
    onConflict: '(at, rule, reason) DO UPDATE SET count = trail_denial.count + excluded.count',
  },
} as const satisfies Record<string, Omit<TrailRows, 'rows'>>
