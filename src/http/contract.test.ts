// Both transports keep one contract, plain and over TLS: what is sent, what is received, what is refused.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { createAuthority } from '../lab/authority.ts'
import { failsWell } from './contract-failing.fixture.ts'
import { receivesWell } from './contract-receiving.fixture.ts'
import { sendsWell } from './contract-sending.fixture.ts'
import {
  echoDigest,
  failureOf,
  withRawServer,
  withServer,
  type Identity,
  type Subject,
} from './contract.fixture.ts'
import { createLeanHttp } from './lean/lean.ts'
import { createHttp } from './node.ts'

const authority = await createAuthority()
const identity: Identity = { caPem: authority.caPem, ...(await authority.issue(['localhost'])) }
const stranger: Identity = { ...identity, caPem: (await createAuthority()).caPem }
const elsewhere: Identity = { caPem: authority.caPem, ...(await authority.issue(['other.test'])) }

const transports = { 'node:https': createHttp, lean: createLeanHttp }
for (const [name, open] of Object.entries(transports)) {
  describe(`the ${name} transport, plain`, () => keepsTheContract({ open }))
  describe(`the ${name} transport, TLS`, () => keepsTheContract({ open, identity }))
  describe(`the ${name} transport's trust`, () => {
    it('refuses a certificate of an authority it does not know, and says nothing was received', () =>
      withServer({ open, identity: stranger }, echoDigest, async ({ send }) => {
        const error = await failureOf(send({}))
        assert.ok(error.isTrust, error.code)
        assert.equal(error.maybeReceived, false)
      }))

    it('refuses a certificate for another name', () =>
      withServer({ open, identity: elsewhere }, echoDigest, async ({ send }) => {
        const error = await failureOf(send({}))
        assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID')
        assert.equal(error.maybeReceived, false)
      }))

    it('accepts a pinned certificate that is no root only when it may', async () => {
      const leaf = {
        ...identity,
        caPem: identity.certPem.split('-----END')[0] + '-----END CERTIFICATE-----\n',
      }
      const options = { allowPartialTrustChain: true }
      await withServer({ open, identity: leaf }, echoDigest, async ({ send }) => {
        assert.ok((await failureOf(send({}))).isTrust)
      })
      await withServer(
        { open, identity: leaf },
        echoDigest,
        async ({ send }) => {
          assert.equal((await send({})).status, 200)
        },
        options,
      )
    })

    it('trusts an extra authority beside the ones it has', () =>
      withServer(
        { open, identity: stranger },
        echoDigest,
        async ({ send }) => {
          assert.equal((await send({})).status, 200)
        },
        { extraCa: [identity.caPem] },
      ))

    it('gives up a server that takes the connection and never shakes hands', () =>
      withRawServer(
        { open },
        () => undefined,
        async ({ origin }) => {
          const client = open({ maxConnections: 1, connectTimeoutMs: 50 })
          const secure = new URL(`https://127.0.0.1:${origin.port}`)
          const error = await failureOf(
            client.send({ method: 'GET', path: '/', headers: {}, origin: secure }),
          )
          assert.equal(error.code, 'ETIMEDOUT')
          assert.equal(error.maybeReceived, false)
          client.close()
        },
      ))
  })
}

function keepsTheContract(subject: Subject): void {
  describe('what it sends', () => sendsWell(subject))
  describe('what it receives', () => receivesWell(subject))
  describe('when it fails', () => failsWell(subject))
}
