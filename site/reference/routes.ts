// The routes of the trust service, for its reference; a test compares them with what the sources serve.

/** A route, who may call it, and what it does. */
export type RouteRow = {
  door: 'ci' | 'steps' | 'public' | 'admin'
  method: 'GET' | 'POST'
  path: string
  caller: string
  what: string
}

const runner = 'a runner: its own token signs the request'
const admin = 'an admin: bearer token, or a session of the dashboard'

/** All of them, by door. */
export const routes: readonly RouteRow[] = [
  {
    door: 'ci',
    method: 'POST',
    path: '/:instance/drone/runners/:runner/secret',
    caller: runner,
    what: 'Drone’s secret extension: a request token, or a refusal token that says why not',
  },
  {
    door: 'ci',
    method: 'POST',
    path: '/:instance/drone/runners/:runner/environ',
    caller: runner,
    what: 'Drone’s environ extension: the masked variable `AZURE_STORAGE_DRONE_TOKEN`',
  },
  {
    door: 'ci',
    method: 'POST',
    path: '/:instance/drone/webhook',
    caller: 'the Drone server: its webhook secret signs the request',
    what: 'confirms a build, and ends it',
  },
  {
    door: 'ci',
    method: 'POST',
    path: '/:instance/woodpecker/secrets',
    caller: 'the Woodpecker server: its key signs the request (RFC 9421)',
    what: 'Woodpecker’s secret extension: a request token for each policy entry of the repository',
  },
  {
    door: 'ci',
    method: 'GET',
    path: '/healthz',
    caller: 'anybody',
    what: 'whether the process can work at all, and which policy is in force',
  },
  {
    door: 'ci',
    method: 'GET',
    path: '/readyz',
    caller: 'anybody',
    what: 'whether tokens can be issued; 503 with reasons otherwise',
  },
  {
    door: 'ci',
    method: 'GET',
    path: '/metrics',
    caller: 'anybody',
    what: '[numbers for monitoring](metrics.md)',
  },
  {
    door: 'steps',
    method: 'GET',
    path: '/v1/id-token?v=1&audience=…',
    caller: 'a step: its request token as bearer',
    what: 'an ID token for this audience: `value`, and the identity it is for',
  },
  {
    door: 'public',
    method: 'GET',
    path: '<issuer path>/.well-known/openid-configuration',
    caller: 'anybody',
    what: 'the discovery document of an instance',
  },
  {
    door: 'public',
    method: 'GET',
    path: '<issuer path>/.well-known/jwks.json',
    caller: 'anybody',
    what: 'its public keys',
  },
  {
    door: 'admin',
    method: 'POST',
    path: '/v1/trials',
    caller: admin,
    what: 'tries a subject of the policy at Entra and storage; only the verdict leaves',
  },
  {
    door: 'admin',
    method: 'GET',
    path: '/v1/keys',
    caller: admin,
    what: 'the signing keys and their states',
  },
  {
    door: 'admin',
    method: 'POST',
    path: '/v1/keys/rotate',
    caller: admin,
    what: 'makes the next key, in an emergency lets it take over at once',
  },
  {
    door: 'admin',
    method: 'POST',
    path: '/v1/reviews',
    caller: admin,
    what: 'records a review of trust',
  },
  {
    door: 'admin',
    method: 'GET',
    path: '/v1/reviews/last',
    caller: admin,
    what: 'the newest review',
  },
  {
    door: 'admin',
    method: 'POST',
    path: '/v1/sign-in-links',
    caller: 'an admin on loopback: bearer token',
    what: 'a link that signs in once, within a minute; the answer of `azure-storage-drone dashboard`',
  },
]
