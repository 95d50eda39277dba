// From what somebody has in hand (a build's name, the URL of a file, an id of Azure's or of ours) to the
// build it leads to, and its story.
import { Fault } from '../core/fault.ts'
import type { BlobSighting, BuildKey, Place, Story, Trail, TrailTransfer } from './trail.ts'

/** What is known: one of the three. */
export type TraceQuestion = { build: string } | { blob: string } | { requestId: string }

/** A story, and for a file the receipts that name it, newest first. */
export type Trace = {
  story: Story
  /** Receipts that name the file. */
  sightings?: BlobSighting[]
  /** Steps that wrote where the file is, when no receipt names it. */
  nearby?: TrailTransfer[]
}

/** The story that a question leads to; throws trail_query_invalid, trail_build_unknown or trail_blob_unknown. */
export async function findTrace(trail: Trail, question: TraceQuestion): Promise<Trace> {
  if ('build' in question)
    return { story: await storyOf(trail, await findNamed(trail, question.build)) }
  if ('blob' in question) return traceBlob(trail, question.blob)
  const found = await trail.findByMark(question.requestId.trim())
  if (!found) {
    throw new Fault('trail_build_unknown', 'No record has this id, and no step told of it.')
  }
  return { story: await storyOf(trail, found) }
}

async function findNamed(trail: Trail, name: string): Promise<BuildKey> {
  const [, instance, repo = '', number] = /^(?:([\w.-]+):)?([^\s#]+)#(\d{1,15})$/.exec(name) ?? []
  if (number === undefined) {
    throw new Fault('trail_query_invalid', `“${name}” is not of the form REPOSITORY#NUMBER.`, {
      hint: 'Write octo/app#42, or main:octo/app#42 where several CI servers have such a repository.',
    })
  }
  const which = { repo, number: Number(number), ...(instance !== undefined && { instance }) }
  const build = await trail.findBuild(which)
  if (build) return build
  throw new Fault('trail_build_unknown', `The ledger knows no build ${name}.`)
}

async function storyOf(trail: Trail, key: BuildKey): Promise<Story> {
  const story = await trail.story(key)
  if (story) return story
  throw new Fault('trail_build_unknown', `The ledger knows no build ${key.instance}/${key.id}.`)
}

async function traceBlob(trail: Trail, url: string): Promise<Trace> {
  const files = parseBlobUrl(url)
  for (const file of files) {
    const sightings = await trail.blob(file)
    const [last] = sightings
    if (last) return { story: await storyOf(trail, last.build), sightings }
  }
  for (const { name: prefix, ...place } of files) {
    const { items: nearby } = await trail.writersUnder({ ...place, prefix, isWriting: true })
    const [last] = nearby
    if (last) return { story: await storyOf(trail, last.build), nearby }
  }
  throw new Fault('trail_blob_unknown', `No step told of writing ${url}.`)
}

/** What a URL can mean: Azure names account and service in the host, an emulator the account in the path. */
export function parseBlobUrl(text: string): (Place & { name: string })[] {
  const url = URL.parse(text)
  const names = url && /^https?:$/.test(url.protocol) ? splitPath(url.pathname) : []
  const host = /^([a-z0-9]{3,24})\.(blob|dfs|file|z\d+\.web)\./.exec(url?.hostname ?? '')
  const [account = '', container = '', ...rest] = host ? [host[1], ...names] : names
  const name = rest.join('/')
  if (name === '') {
    throw new Fault('trail_query_invalid', `“${text}” is not the URL of a file in storage.`, {
      hint: 'Write https://ACCOUNT.blob.core.windows.net/CONTAINER/NAME.',
    })
  }
  const services: Place['service'][] = host
    ? [host[2] === 'file' ? 'file' : 'blob']
    : ['blob', 'file']
  return services.map((service) => ({ account, container, name, service }))
}

function splitPath(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '')
    .map((part) => decode(part))
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
