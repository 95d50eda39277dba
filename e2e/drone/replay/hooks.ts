// The replayed server's door for Gitea's hooks: signed, or refused (go-scm/scm/driver/gitea/webhook.go).
import { createHmac, timingSafeEqual } from 'node:crypto'

import type { Hono } from 'hono'

import type { Builds, Trigger } from './builds.ts'

type Payload = {
  repository: { full_name: string }
  sender: { username: string }
  ref: string
  before: string
  after: string
  commits?: { message: string }[]
  number: number
  pull_request: {
    title: string
    html_url: string
    head: { ref: string; sha: string; repo: { full_name: string } | null }
    base: { ref: string }
  }
}

/** Adds `POST /hook`. */
export function addHooks(app: Hono, { builds }: { builds: Builds; user: { login: string } }): void {
  app.post('/hook', async (context) => {
    const body = Buffer.from(await context.req.arrayBuffer())
    const payload = JSON.parse(body.toString()) as Payload
    const slug = payload.repository.full_name
    const known = builds.find(slug)
    if (!known) return context.json({ message: 'Not Found' }, 404)
    const signature = Buffer.from(context.req.header('x-gitea-signature') ?? '', 'hex')
    const expected = createHmac('sha256', known.signer).update(body).digest()
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      return context.json({ message: 'Invalid webhook signature' }, 400)
    }
    const isPush = context.req.header('x-gitea-event') === 'push'
    return context.json(
      await builds.create(slug, isPush ? toPush(payload) : toPullRequest(payload)),
    )
  })
}

function toPush({ ref, before, after, commits, sender }: Payload): Trigger {
  const branch = ref.replace(/^refs\/heads\//, '')
  const message = commits?.[0]?.message ?? ''
  return {
    event: 'push',
    ref,
    before,
    after,
    message,
    source: branch,
    target: branch,
    trigger: '@hook',
    sender: sender.username,
  }
}

function toPullRequest({ number, pull_request: pull, sender }: Payload): Trigger {
  return {
    event: 'pull_request',
    action: 'opened',
    ref: `refs/pull/${number}/head`,
    after: pull.head.sha,
    // A head repository that was deleted has no name (facts/drone.md §3.1).
    source_repo: pull.head.repo?.full_name ?? '',
    source: pull.head.ref,
    target: pull.base.ref,
    title: pull.title,
    link: pull.html_url,
    trigger: '@hook',
    sender: sender.username,
  }
}
