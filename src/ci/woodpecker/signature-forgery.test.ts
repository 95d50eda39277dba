import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import {
  covered,
  createdSeconds,
  deps,
  digest,
  good,
  headOf,
  label,
  otherKeys,
  signedBy,
  target,
  usual,
  type Headers,
} from './signature.fixture.ts'
import { verifyHead } from './signature.ts'

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64')

const created = `created=${createdSeconds}`
const onlyDigest: [string, string][] = [['content-digest', digest]]
const both = (one: Headers, other: Headers): Headers => ({
  ...one,
  'signature-input': `${one['signature-input']}, ${other['signature-input']}`,
  signature: `${one.signature}, ${other.signature}`,
})
const without = (name: keyof Headers) =>
  Object.fromEntries(Object.entries(good).filter(([each]) => each !== name))
const base64 = good.signature.slice(label.length + 2, -1)
const lastBits = base64.replace(/.(?===$)/, (char) =>
  char === 'A' ? 'B' : String.fromCharCode(char.charCodeAt(0) + 1),
)
const staleWithGood = signedBy(`${covered};created=1;alg="ed25519"`)

const forgeries: [name: string, headers: Record<string, string>, says: RegExp][] = [
  ['nothing signed', { 'content-digest': digest }, /no signature-input header/],
  ['no Signature', without('signature'), /no signature header/],
  ['no Signature-Input', without('signature-input'), /no signature-input header/],
  ['no Content-Digest', without('content-digest'), /no Content-Digest/],
  ['another label', signedBy(usual, { name: 'sig1' }), /something else/],
  ['a label in capitals', signedBy(usual, { name: 'Woodpecker' }), /not a structured field/],
  ['a second label', both(good, signedBy(usual, { name: 'sig1' })), /something else/],
  ['the label twice', both(good, good), /twice/],
  ['the label twice, the first forged', both(staleWithGood, good), /twice/],
  [
    'the label twice, the last forged',
    both(good, signedBy(usual, { key: otherKeys.privateKey })),
    /twice/,
  ],
  [
    'one label in each header',
    { ...good, signature: good.signature.replace(label, 'sig1') },
    /something else/,
  ],
  ['no component', signedBy(`();${created};alg="ed25519"`, { lines: [] }), /exactly/],
  [
    'the digest alone',
    signedBy(`("content-digest");${created};alg="ed25519"`, { lines: onlyDigest }),
    /exactly/,
  ],
  [
    'the target alone',
    signedBy(`("@request-target");${created};alg="ed25519"`, {
      lines: [['@request-target', target]],
    }),
    /exactly/,
  ],
  [
    'components in the other order',
    signedBy(`("content-digest" "@request-target");${created};alg="ed25519"`, {
      lines: [
        ['content-digest', digest],
        ['@request-target', target],
      ],
    }),
    /exactly/,
  ],
  [
    'the path instead of the target',
    signedBy(`("@path" "content-digest");${created};alg="ed25519"`, {
      lines: [
        ['@path', '/main/woodpecker/secrets'],
        ['content-digest', digest],
      ],
    }),
    /exactly/,
  ],
  [
    'a component more',
    signedBy(`("@request-target" "content-digest" "@method");${created};alg="ed25519"`, {
      lines: [
        ['@request-target', target],
        ['content-digest', digest],
        ['@method', 'POST'],
      ],
    }),
    /exactly/,
  ],
  [
    'a component of the answer',
    signedBy(`("@request-target";req "content-digest");${created};alg="ed25519"`),
    /exactly/,
  ],
  [
    'components that are tokens',
    signedBy(`(target content-digest);${created};alg="ed25519"`),
    /exactly/,
  ],
  [
    'no list of components',
    signedBy(`"@request-target";${created};alg="ed25519"`),
    /no components/,
  ],
  ['no created', signedBy(`${covered};alg="ed25519"`), /when it was created/],
  [
    'created with a fraction',
    signedBy(`${covered};${created}.5;alg="ed25519"`),
    /when it was created/,
  ],
  ['created as a fraction of none', signedBy(`${covered};${created}.0;alg="ed25519"`), /unusual/],
  [
    'created as text',
    signedBy(`${covered};created="${createdSeconds}";alg="ed25519"`),
    /when it was created/,
  ],
  [
    'created as a date',
    signedBy(`${covered};created=@${createdSeconds};alg="ed25519"`),
    /not a structured field|when it was created/,
  ],
  ['created twice', signedBy(`${covered};created=1;${created};alg="ed25519"`), /twice/],
  ['no alg', signedBy(`${covered};${created}`), /not ed25519/],
  ['alg hmac-sha256', signedBy(`${covered};${created};alg="hmac-sha256"`), /not ed25519/],
  ['alg in capitals', signedBy(`${covered};${created};alg="Ed25519"`), /not ed25519/],
  ['alg as a token', signedBy(`${covered};${created};alg=ed25519`), /not ed25519/],
  ['alg twice', signedBy(`${covered};${created};alg="none";alg="ed25519"`), /twice/],
  ['a keyid', signedBy(`${usual};keyid="woodpecker-ci-extensions"`), /other than/],
  ['an empty keyid', signedBy(`${usual};keyid=""`), /other than/],
  ['expires', signedBy(`${usual};expires=${createdSeconds + 60}`), /other than/],
  ['a nonce', signedBy(`${usual};nonce="1"`), /other than/],
  ['a tag', signedBy(`${usual};tag="x"`), /other than/],
  [
    'a space more',
    signedBy(`("@request-target"  "content-digest");${created};alg="ed25519"`),
    /unusual/,
  ],
  [
    'a trailing comma',
    { ...good, 'signature-input': `${good['signature-input']},` },
    /not a structured field/,
  ],
  [
    'parameters on the signature',
    { ...good, signature: `${good.signature};a` },
    /plain byte sequence/,
  ],
  [
    'a signature that is text',
    { ...good, signature: `${label}="${base64}"` },
    /plain byte sequence/,
  ],
  [
    'a signature that is a list',
    { ...good, signature: `${label}=(:${base64}:)` },
    /plain byte sequence/,
  ],
  ['an empty signature', { ...good, signature: `${label}=::` }, /another key/],
  [
    'base64 without padding',
    { ...good, signature: `${label}=:${base64.replace(/=+$/, '')}:` },
    /unusual|structured/,
  ],
  [
    'base64 with bits left over',
    { ...good, signature: `${label}=:${lastBits}:` },
    /unusual|structured/,
  ],
  ['base64 with a space', { ...good, signature: `${label}=: ${base64}:` }, /unusual|structured/],
  [
    'base64url',
    { ...good, signature: `${label}=:${Buffer.alloc(64, 0xfb).toString('base64url')}:` },
    /unusual|structured/,
  ],
  [
    '64 zero bytes',
    { ...good, signature: `${label}=:${Buffer.alloc(64).toString('base64')}:` },
    /another key/,
  ],
  ['another key', signedBy(usual, { key: otherKeys.privateKey }), /another key/],
  [
    'another target',
    signedBy(usual, {
      lines: [
        ['@request-target', '/other/woodpecker/secrets'],
        ['content-digest', digest],
      ],
    }),
    /another key/,
  ],
  [
    'another digest',
    { ...good, 'content-digest': `sha-256=:${digestOf(Buffer.from('{}'))}:` },
    /another key/,
  ],
]

for (const [name, headers, says] of forgeries) {
  test(`woodpecker signature › with ${name} is refused`, async () => {
    await assert.rejects(verifyHead(deps, headOf(headers)), {
      code: 'ci_signature_invalid',
      message: says,
    })
  })
}
