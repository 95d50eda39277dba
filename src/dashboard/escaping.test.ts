// Whatever repositories, branches, rules and files are called, a page shows it as text; and every answer
// carries the headers that keep other sites out.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createDesk } from './desk.fixture.ts'
import { readings } from './routes.ts'
import { emptyTrail, trailOf } from './trail.fixture.ts'

const hostile = `"><script>alert('x')</script><img src=x onerror=alert(1)>&amp;\${7*7}\`'`
const paths = readings
  .map(({ path }) => path)
  .filter((path) => path !== '/audit/export' && path !== '/search')
  .map((path) =>
    path
      .replace(':instance', encodeURIComponent(hostile))
      .replace(':id', '5')
      .replace(':entry', 'publish'),
  )
const question = encodeURIComponent(hostile)
const asked = [
  `/builds?repo=${question}&event=${question}&client=${question}&after=${question}`,
  `/events?repo=${question}&rule=${question}&type=${question}`,
  `/policies?q=${question}`,
  `/storage?account=${question}&container=${question}&prefix=${question}`,
  `/simulator?repository=${question}&ref=${question}&place=${question}/a/b&source=${question}`,
  `/policies/${question}`,
]

for (const path of [...paths, ...asked]) {
  test(`${path.slice(0, 30)} › shows hostile names as text`, async () => {
    const { get, cookieOf } = await createDesk({ trail: trailOf(hostile) })
    const answer = await get(path, await cookieOf('admin', hostile))
    assert.ok(answer.status === 200 || answer.status === 404, String(answer.status))
    const text = await answer.text()
    assert.ok(text.includes('&lt;script&gt;alert'), 'the name is not there at all')
    // The page's own script is the only one, and no tag has an attribute that runs anything.
    assert.deepEqual(text.match(/<script[^>]*>/g)?.length, 1)
    assert.ok(!/<[^>"]*("[^"]*"[^>"]*)*\son\w+=/.test(text))
    assert.ok(!text.includes('<img'))
    assert.ok(!/href="javascript:/i.test(text))
  })
}

test('every page has something to say where nothing ever happened', async () => {
  const { get, cookies } = await createDesk({ trail: emptyTrail() })
  for (const path of ['/', '/builds', '/identities', '/storage', '/events', '/audit']) {
    const answer = await get(path, cookies.get('viewer'))
    assert.equal(answer.status, 200)
    assert.match(await answer.text(), /class="empty"/, path)
  }
})

test('every answer lets a page load our own two files alone, and is kept by nobody', async () => {
  const { get, cookies } = await createDesk()
  for (const path of ['/', '/sign-in', '/nowhere', '/sign-in/link?code=x']) {
    const { headers } = await get(path, cookies.get('viewer'))
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.ok(!policy.includes('unsafe'))
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.match(headers.get('server-timing') ?? '', /^total;dur=/)
  }
  const text = await (await get('/', cookies.get('viewer'))).text()
  assert.ok(!/style="/.test(text))
  const [, style = ''] = /rel="stylesheet" href="([^"]+)"/.exec(text) ?? []
  const file = await get(style)
  assert.equal(file.status, 200)
  assert.match(file.headers.get('cache-control') ?? '', /immutable/)
})

test('a download is offered under a name without signs of a path or header', async () => {
  const { get, cookies } = await createDesk()
  const answer = await get(`/audit/export?node=${question}`, cookies.get('auditor'))
  assert.match(
    answer.headers.get('content-disposition') ?? '',
    /^attachment; filename="ledger-[\w.-]+\.jsonl"$/,
  )
})

test('the search › leads to a build, to the builds of a repository, or says that there is none', async () => {
  const { get, cookies } = await createDesk({ trail: emptyTrail() })
  const ask = (words: string) =>
    get(`/search?q=${encodeURIComponent(words)}`, cookies.get('viewer'))
  for (const words of ['octo/web#17', 'a1b2c3', '//evil.example/x']) {
    const answer = await ask(words)
    assert.equal(answer.status, 200)
    assert.match(await answer.text(), /No build goes by/)
  }
  assert.equal((await ask('octo/web')).headers.get('location'), '/builds?repo=octo%2Fweb')
})
