// A program that stands in for `drone-server`: takes the variables of facts/drone.md §4.2, signs in at a
// Gitea, takes its hooks, keeps builds, hands stages to runners, sends signed webhooks and answers Drone's API.
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'

import { extensions } from '../../../src/ci/drone/signature.ts'
import { Secret } from '../../../src/core/secret.ts'
import { buildJson, callExtension, repositoryJson } from '../../../src/lab/drone.ts'
import { addApi } from './api.ts'
import { createBuilds } from './builds.ts'
import { addHooks } from './hooks.ts'
import { addRunnerDoor } from './runner-door.ts'
import { createScmClient } from './scm-client.ts'

const { env } = process
const need = (name: string): string => {
  const value = env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}
const address = need('DRONE_SERVER_PORT')
const [host = '', port = ''] = address.split(':')
const user = readUser(need('DRONE_USER_CREATE'))
const self = `http://${need('DRONE_SERVER_HOST')}`
const scm = createScmClient({
  server: need('DRONE_GITEA_SERVER'),
  clientId: need('DRONE_GITEA_CLIENT_ID'),
  clientSecret: need('DRONE_GITEA_CLIENT_SECRET'),
  self,
})
const webhook = {
  url: need('DRONE_WEBHOOK_ENDPOINT'),
  extension: extensions.webhook,
  token: new Secret(need('DRONE_WEBHOOK_SECRET')),
  headers: { 'x-drone-event': 'build' },
}
const say = (words: Record<string, unknown>) =>
  process.stdout.write(`${JSON.stringify({ level: 'info', ...words })}\n`)

const builds = createBuilds({
  readFile: (slug, sha) => scm.readFile(slug, sha),
  // Drone logs an error and never sends it again.
  tell: async (repository, build, action) => {
    const payload = {
      event: 'build',
      action,
      repo: repositoryJson(repository),
      build: buildJson(repository, build),
      system: { proto: 'http', host: need('DRONE_SERVER_HOST') },
    }
    await callExtension({ now: () => new Date() }, webhook, payload).catch((error: unknown) =>
      say({ level: 'warning', msg: 'cannot send webhook', error: String(error) }),
    )
    say({ msg: `build ${action}`, build: build.number, commit: build.after, status: build.status })
    await scm.setStatus(repository.slug, build.after, build.status)
  },
})
const app = new Hono()
addHooks(app, { builds, user })
addRunnerDoor(app, { builds, scm, secret: need('DRONE_RPC_SECRET') })
addApi(app, { builds, scm, user, self })
const server = createAdaptorServer({ fetch: app.fetch })
server.listen(Number(port), host, () => say({ addr: address, msg: 'starting the http server' }))
process.on('SIGTERM', () => process.exit(0))

// `username:octo,machine:false,admin:true,token:…`
function readUser(text: string): { login: string; token: string } {
  const facts = new Map(
    text.split(',').map((pair): [string, string] => {
      const [key = '', value = ''] = pair.split(':')
      return [key, value]
    }),
  )
  return { login: facts.get('username') ?? '', token: facts.get('token') ?? '' }
}
