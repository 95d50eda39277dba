// The read model over a store: every question in one record of functions.
import type { Store } from '../store/store.ts'
import type { TrailTables } from '../store/trail-tables.ts'
import { readProgress } from './follow.ts'
import { findBuild, findByMark, readBuilds } from './read-builds.ts'
import { readEvents, readStory } from './read-events.ts'
import { readBlob, readPlaces, readWriters } from './read-places.ts'
import {
  readCounts,
  readDenials,
  readIdentities,
  readRepositories,
  readSeries,
} from './read-use.ts'
import type { Trail } from './trail.ts'

/** What happened, as the tables of this store have it. */
export function openTrail(
  store: Pick<Store, 'readLedger' | 'listChains'> & Pick<TrailTables, 'selectTrail'>,
): Trail {
  return {
    builds: (query) => readBuilds(store, query),
    findBuild: (which) => findBuild(store, which),
    story: (build) => readStory(store, build),
    events: (query) => readEvents(store, query),
    identities: () => readIdentities(store),
    places: () => readPlaces(store),
    writersUnder: (query) => readWriters(store, query),
    series: (query) => readSeries(store, query),
    denials: (query) => readDenials(store, query),
    repositories: (query) => readRepositories(store, query),
    counts: () => readCounts(store),
    blob: (file) => readBlob(store, file),
    findByMark: (mark) => findByMark(store, mark),
    progress: () => readProgress(store),
  }
}
