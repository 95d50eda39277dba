import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'

import { hashSecret, pinOf, sha256Hex } from './digest.ts'
import { Secret } from './secret.ts'

// FIPS 180-2, appendix B.1.
const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

const caPem = `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUUcRkfGzqilnHcNW9JPaoqkQHP1YwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIcGluIHRlc3QwIBcNMjYxMTIzMTczMjIwWhgPMjEyNjEwMzAx
NzMyMjBaMBMxETAPBgNVBAMMCHBpbiB0ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAECItNZOLtuq2GyhTfrocxYC3mSczyrXzQHQHsA6sPq49ahen+/TbS3ta/
8SQg1XidRE9EIRF5Vp9ihXAOg1W0B6NTMFEwHQYDVR0OBBYEFO5Ahgf+YyzNthRh
rB7P3w0nsm8RMB8GA1UdIwQYMBaAFO5Ahgf+YyzNthRhrB7P3w0nsm8RMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhANqrvHFImy3MiSBcN+AoEJ2/
wrcf5h021HmlNIwAPbRCAiBhC3GW/5JAq9+pL8xX9PXd51ycQFXY4FH5wc0s0zOm
lA==
-----END CERTIFICATE-----`

test('digest › a text, its bytes and a secret have the same lower-case hex', () => {
  assert.equal(sha256Hex('abc'), abc)
  assert.equal(sha256Hex(Buffer.from('abc')), abc)
  assert.equal(hashSecret(new Secret('abc')), abc)
})

test('digest › text is hashed as UTF-8', () => {
  assert.equal(sha256Hex('ü'), sha256Hex(Uint8Array.of(0xc3, 0xbc)))
})

test('digest › a pin is what openssl makes of the public key', () => {
  // x509 -pubkey -noout | pkey -pubin -outform der | dgst -sha256 -binary | base64, made URL-safe
  assert.equal(pinOf(new X509Certificate(caPem)), 'I5i6G2dL00NSI283BUB_HrhvCrwC9HJkA5Tr9R2PiDg')
})
