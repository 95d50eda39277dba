// What happened, for programs: builds, the story of one, events and traces, on the door for people behind its
// authentication. Moments are ISO 8601, lists come in pages with `next`.
import { Hono } from 'hono'
import * as z from 'zod'

import { Fault } from '../core/fault.ts'
import { findTrace, type TraceQuestion } from './find-trace.ts'
import type { Trail } from './trail.ts'

/** Paths of the API. */
export const trailPaths = {
  builds: '/v1/builds',
  events: '/v1/events',
  trace: '/v1/trace',
} as const

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text))
const page = {
  limit: z.coerce.number().int().min(1).max(500).optional(),
  after: z.string().max(500).optional(),
}
const word = z.string().min(1).max(500).optional()

const buildQuery = z.strictObject({
  ...page,
  repo: word,
  instance: word,
  outcome: z.enum(['asked', 'allowed', 'denied', 'partly']).optional(),
  event: word,
  client_id: word,
  since: moment.optional(),
  until: moment.optional(),
})

const eventQuery = z.strictObject({
  ...page,
  type: word,
  decision: z.enum(['allow', 'deny', 'info']).optional(),
  repo: word,
  rule: word,
  since: moment.optional(),
  until: moment.optional(),
})

const traceQuery = z.strictObject({
  build: word,
  blob: z.string().min(1).max(4000).optional(),
  request_id: word,
})

/** The routes; `catchUp` brings the read model up to the ends of the chains. */
export function createTrailApp(deps: { trail: Trail; catchUp: () => Promise<unknown> }): Hono {
  const { trail, catchUp } = deps
  const app = new Hono()
  app.get(trailPaths.builds, async (context) => {
    const { client_id: clientId, ...query } = readQuery(buildQuery, context.req.query())
    return context.json(
      await trail.builds(defined({ ...query, ...(clientId !== undefined && { clientId }) })),
    )
  })
  app.get(`${trailPaths.builds}/:instance/:id`, async (context) => {
    const { instance, id } = context.req.param()
    await catchUp()
    const story = await trail.story({ instance, id: Number(id) })
    if (story) return context.json(story)
    throw new Fault('trail_build_unknown', `The ledger knows no build ${instance}/${id}.`)
  })
  app.get(trailPaths.events, async (context) =>
    context.json(await trail.events(defined(readQuery(eventQuery, context.req.query())))),
  )
  app.get(trailPaths.trace, async (context) => {
    const question = toQuestion(readQuery(traceQuery, context.req.query()))
    await catchUp()
    return context.json(await findTrace(trail, question))
  })
  return app
}

function toQuestion({
  build,
  blob,
  request_id: requestId,
}: z.output<typeof traceQuery>): TraceQuestion {
  const given: TraceQuestion[] = [
    ...(build === undefined ? [] : [{ build }]),
    ...(blob === undefined ? [] : [{ blob }]),
    ...(requestId === undefined ? [] : [{ requestId }]),
  ]
  const [question] = given
  if (question && given.length === 1) return question
  throw new Fault(
    'trail_query_invalid',
    'A trace is asked for by one of build, blob and request_id.',
  )
}

function readQuery<Form extends z.ZodType>(
  form: Form,
  query: Record<string, string>,
): z.output<Form> {
  const checked = form.safeParse(query)
  if (checked.success) return checked.data
  const what = z.prettifyError(checked.error).replaceAll(/\s+/g, ' ')
  throw new Fault('trail_query_invalid', `The question is not as it should be: ${what}`)
}

type Defined<Value> = { [Key in keyof Value]: Exclude<Value[Key], undefined> }

function defined<Value extends object>(value: Value): Partial<Defined<Value>> {
  return Object.fromEntries(
    Object.entries(value).filter(([, each]) => each !== undefined),
  ) as Partial<Defined<Value>>
}
