// A read model of one build whose every text the test chooses, for the tests of this room.
import type { StoryItem, Trail, TrailBuild, TrailTransfer } from '../trail/trail.ts'

const at = new Date('2026-11-23T11:00:00Z')

/** A trail of one build in which every free text is this one. */
export function trailOf(text: string): Trail {
  const record = { node: text, seq: 7 }
  const build: TrailBuild = {
    instance: text,
    id: 5,
    repo: text,
    number: 17,
    event: text,
    ref: `refs/heads/${text}`,
    sha: text,
    sourceRepo: `${text}2`,
    sender: text,
    trigger: `@${text}`,
    class: text,
    status: text,
    trace: text,
    outcome: 'partly',
    firstAt: at,
    lastAt: at,
    endedAt: at,
    tokens: 1,
    denials: 1,
    transfers: 1,
    failures: 1,
    files: 1,
    bytes: 2048,
  }
  const place = { account: text, service: 'blob' as const, container: text, prefix: text }
  const item: StoryItem = {
    at,
    what: text,
    sentence: text,
    decision: 'deny',
    saidBy: 'step',
    record,
    rule: text,
    reasons: [text],
    runner: text,
    subject: text,
    token: { kind: 'id', sha256: text, jti: text, aud: text },
    azure: { tenant: text, clientId: text },
    receipt: {
      step: text,
      action: text,
      outcome: 'failed',
      place,
      files: 2,
      bytes: 2048,
      durationMs: 1500,
      accessTokenSha256: [text],
      correlationIds: [text],
      requestIdPrefix: text,
      items: [{ name: text, etag: text, bytes: 2048 }],
    },
  }
  const transfer: TrailTransfer = {
    record,
    at,
    build,
    rule: text,
    step: text,
    action: text,
    outcome: 'done',
    place,
    files: 1,
    bytes: 2048,
    durationMs: 1500,
  }
  const event = {
    record,
    at,
    type: text,
    decision: 'deny' as const,
    sentence: text,
    rule: text,
    reason: text,
    build,
  }
  const use = { repo: text, builds: 1, tokens: 1, denials: 1, transfers: 1 }
  const rules = [{ rule: text, tokens: 1, builds: 1, lastAt: at }]
  const points = Array.from({ length: 14 }, (_, day) => ({
    at: new Date(Date.UTC(2026, 10, 10 + day)),
    value: day,
  }))
  return {
    builds: () => Promise.resolve({ items: [build], next: text }),
    findBuild: () => Promise.resolve(build),
    story: ({ id }) =>
      Promise.resolve(
        id === 5 ? { build, items: [item, { ...item, decision: 'info' }] } : undefined,
      ),
    events: () => Promise.resolve({ items: [event], next: text }),
    identities: () =>
      Promise.resolve([
        { tenant: text, clientId: text, rules, firstAt: at, lastAt: at, tokens: 1, builds: 1 },
      ]),
    places: () => Promise.resolve([{ ...place, transfers: 1, bytes: 2048, lastAt: at }]),
    writersUnder: () => Promise.resolve({ items: [transfer], next: text }),
    series: () => Promise.resolve(points),
    denials: () =>
      Promise.resolve([{ at: points[13]?.at ?? at, rule: text, reason: text, count: 3 }]),
    repositories: () => Promise.resolve([{ ...use, bytes: 2048, durationMs: 1500 }]),
    counts: () =>
      Promise.resolve({ builds: 1, tokens: 1, denials: 1, transfers: 1, bytes: 2048, events: 9 }),
    blob: () => Promise.resolve([]),
    findByMark: () => Promise.resolve(undefined),
    progress: () => Promise.resolve([{ node: text, followedTo: 8, head: 9 }]),
  }
}

/** A trail on which nothing ever happened. */
export function emptyTrail(): Trail {
  const none = () => Promise.resolve({ items: [] })
  return {
    ...trailOf('x'),
    builds: none,
    findBuild: () => Promise.resolve(undefined),
    story: () => Promise.resolve(undefined),
    events: none,
    identities: () => Promise.resolve([]),
    places: () => Promise.resolve([]),
    writersUnder: none,
    series: () => Promise.resolve([]),
    denials: () => Promise.resolve([]),
    repositories: () => Promise.resolve([]),
    progress: () => Promise.resolve([]),
  }
}
