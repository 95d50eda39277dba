// The replayed server as a client of Gitea: OAuth without a page, then what Drone reads and writes there.

/** Where Gitea is, and as whom the server comes. */
export type ScmClientOptions = {
  server: string
  clientId: string
  clientSecret: string
  self: string
}

/** The calls that a Drone server makes; all but the first two need a sign-in before. */
export type ScmClient = {
  signInUrl: (state: string) => string
  signIn: (code: string) => Promise<void>
  /** The token of the signed-in user, as netrc has it. */
  token: () => string
  listRepositories: () => Promise<{ id: number; full_name: string }[]>
  registerHook: (slug: string, secret: string) => Promise<void>
  readFile: (slug: string, sha: string) => Promise<string>
  /** The commit at a branch, or this one. */
  findCommit: (slug: string, name: string) => Promise<string>
  setStatus: (slug: string, sha: string, status: string) => Promise<void>
}

/** A client that nobody has signed in with yet. */
export function createScmClient(options: ScmClientOptions): ScmClient {
  const { server, clientId, clientSecret, self } = options
  const redirect = `${self}/login`
  let token = ''
  const call = async (path: string, method = 'GET', json?: unknown) => {
    const response = await fetch(`${server}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
    return response
  }
  return {
    signInUrl: (state) => {
      const query = { client_id: clientId, redirect_uri: redirect, response_type: 'code', state }
      return `${server}/login/oauth/authorize?${new URLSearchParams(query).toString()}`
    },
    signIn: async (code) => {
      const form = {
        grant_type: 'authorization_code',
        code,
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uri: redirect,
      }
      const body = new URLSearchParams(form)
      const response = await fetch(`${server}/login/oauth/access_token`, { method: 'POST', body })
      if (!response.ok) throw new Error(`no token: ${response.status}`)
      token = ((await response.json()) as { access_token: string }).access_token
    },
    token: () => token,
    listRepositories: async () =>
      (await (await call('user/repos?page=1')).json()) as { id: number; full_name: string }[],
    registerHook: async (slug, secret) => {
      const config = { url: `${self}/hook`, secret, content_type: 'json' }
      await call(`repos/${slug}/hooks`, 'POST', { type: 'gitea', active: true, config })
    },
    readFile: async (slug, sha) => (await call(`repos/${slug}/raw/${sha}/.drone.yml`)).text(),
    findCommit: async (slug, name) => {
      const answer = await call(`repos/${slug}/git/commits/${encodeURIComponent(name)}`)
      return ((await answer.json()) as { sha: string }).sha
    },
    setStatus: async (slug, sha, status) => {
      const state = status === 'running' ? 'pending' : status
      await call(`repos/${slug}/statuses/${sha}`, 'POST', {
        state,
        context: 'continuous-integration/drone',
      })
    },
  }
}
