import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { keepFresh } from './keep-fresh.ts'

const token = (seconds: number, mark: string) => {
  const claims = JSON.stringify({ iat: 1000, exp: 1000 + seconds, mark })
  return new Secret(`h.${Buffer.from(claims).toString('base64url')}.s`)
}

type Reply = Secret | Error

// A clock of waits: after the last answer the command has ended.
async function keep(replies: readonly Reply[], seconds = 600) {
  const ending = new AbortController()
  const waits: number[] = []
  const written: string[] = []
  const warnings: string[] = []
  const left = [...replies]
  await keepFresh(
    {
      sleep: async (milliseconds) => {
        waits.push(milliseconds)
        if (left.length === 0) ending.abort()
      },
      ask: async () => {
        const reply = left.shift()
        if (reply instanceof Secret) return reply
        throw reply
      },
      write: (name, content) => written.push(`${name} ${content}`),
      warn: (line) => warnings.push(line),
      signal: ending.signal,
    },
    [{ name: 'a.jwt', audience: 'a', token: token(seconds, 'first') }],
  )
  return { waits, written, warnings }
}

describe('token files', () => {
  it('are renewed after a third of each token’s own life', async () => {
    const second = token(60, 'second')
    const { waits, written } = await keep([second, token(600, 'third')])
    assert.deepEqual(waits, [200_000, 20_000, 200_000])
    assert.equal(written[0], `a.jwt ${second.reveal()}`)
  })

  it('that cannot be renewed are told once, and tried again while it may pass', async () => {
    const trouble = new Fault('issuer_unreachable', 'Nobody there.')
    const { waits, written, warnings } = await keep([trouble, new Error('ENOSPC'), token(600, 'x')])
    assert.deepEqual(waits, [200_000, 30_000, 30_000, 200_000])
    assert.equal(written.length, 1)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /issuer_unreachable: Nobody there\./)
  })

  it('of a build that is over are not asked for any more', async () => {
    const { waits, warnings } = await keep([
      new Fault('issuer_build_finished', 'Over.'),
      token(9, 'x'),
    ])
    assert.equal(waits.length, 1)
    assert.equal(warnings.length, 1)
  })

  it('are not written once the command has ended', async () => {
    const { written, waits } = await keep([])
    assert.deepEqual([written, waits.length], [[], 1])
  })
})
