// What is written for others to apply: read back, it says what the desired state says, and no text of a
// policy can break out of its quotes.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import * as fc from 'fast-check'

import { assignmentGuid } from './guid.ts'
import { quoteShell, writeAzScript } from './output-az.ts'
import { quoteBicep, writeBicep } from './output-bicep.ts'
import { blocksOf, openBicep, readHcl } from './output-syntax.fixture.ts'
import { quoteHcl, writeTerraform } from './output-terraform.ts'
import { artifacts, desiredOf, readers } from './policy.fixture.ts'
import { assignmentPath, toArmAssignment, toArmCredential, toGraphCredential } from './wire.ts'

const folder = mkdtempSync(join(tmpdir(), 'trust-output-'))
after(() => rmSync(folder, { recursive: true }))

const readBicep = await openBicep()

const nasty = `it's "$(touch x)" \`y\` \${z} %{w} \\ é`
const subscription = '99999999-0000-4000-8000-000000000001'
const managed = `kind: managed_identity, subscription: ${subscription}, resource_group: rg, location: westeurope`

// An application to be made, with a name that is out to break quotes, a custom role and a condition; and a
// managed identity.
const desired = desiredOf(
  [`, client_id: ${artifacts}`, `, display_name: ${JSON.stringify(nasty)}`],
  [', blob.delete', ''],
  [`client_id: ${readers}`, managed],
)

const [application, identity] = desired.identities
assert.ok(application && identity)

const texts = fc.string({
  unit: fc.constantFrom(...nasty.split(''), 'a', '{', '$', '%', '\n', '\t', "'", '"'),
})

test('output › a text keeps every sign through the quotes of Terraform', async () => {
  const samples = fc.sample(texts, 500)
  const fields = samples.map((text, index) => `  field_${index} = ${quoteHcl(text)}\n`)
  const file = await readHcl(`resource "a" "b" {\n${fields.join('')}}\n`)
  const block = blocksOf(file, 'resource', 'a').get('b')
  assert.deepEqual(
    samples.map((_text, index) => block?.[`field_${index}`]),
    samples,
  )
})

test('output › a text keeps every sign through the quotes of Bicep', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const [statement] = readBicep(`output a string = ${quoteBicep(text)}\n`)
      assert.equal(statement?.body, text)
    }),
  )
})

test('output › the parsers refuse what breaks out of its quotes', async () => {
  await assert.rejects(readHcl('resource "a" "b" {\n  c = "x" y"\n}\n'))
  assert.throws(() => readBicep("output a string = 'it's'\n"), SyntaxError)
})

test('output › a text keeps every sign through the quotes of the shell', () => {
  const samples = fc.sample(texts, 200)
  const script = samples.map((text) => `printf '%s\\0' ${quoteShell(text)}`).join('\n')
  const out = execFileSync('bash', ['-c', script], { encoding: 'utf8' })
  assert.deepEqual(out.split('\0').slice(0, -1), samples)
})

type Call = Record<string, string>

// An `az` that writes down what it is called with, and answers every read with an id.
function runScript(script: string, answer: string): Call[] {
  const log = join(folder, 'log')
  writeFileSync(log, '')
  writeFileSync(join(folder, 'sleep'), '#!/bin/sh\n')
  writeFileSync(
    join(folder, 'az'),
    `#!/bin/bash
for word in "$@"; do printf '%s\\0' "$word" >>"$LOG"; done
printf '\\1' >>"$LOG"
case "$*" in
  *tenantId*) echo 11111111-2222-4333-8444-555555555555;;
  *GraphResourceId*) echo https://graph.example/;;
  *"--method get"*) echo ${answer};;
esac
`,
  )
  for (const name of ['az', 'sleep']) chmodSync(join(folder, name), 0o755)
  const file = join(folder, 'trust.sh')
  writeFileSync(file, script)
  execFileSync('bash', ['-n', file])
  const path = `${folder}:${process.env['PATH'] ?? ''}`
  execFileSync('bash', [file], {
    env: { PATH: path, LOG: log },
    stdio: 'pipe',
  })
  return readFileSync(log, 'utf8')
    .split('\u0001')
    .slice(0, -1)
    .map((line) => {
      const words = line.split('\0').slice(0, -1)
      return Object.fromEntries(
        words.flatMap((word, index) =>
          word.startsWith('--') ? [[word.slice(2), words[index + 1] ?? '']] : [],
        ),
      )
    })
}

test('output › the script for az makes exactly the calls that the desired state needs', () => {
  const id = '77777777-aaaa-4bbb-8ccc-dddddddddddd'
  const calls = runScript(writeAzScript(desired), id).filter(({ body }) => body !== undefined)
  const sent = new Map(
    calls.map(({ url = '', body = '' }) => [url.replace(/\?.*/, ''), JSON.parse(body)]),
  )
  const app = `https://graph.example/v1.0/applications(uniqueName='${application.uniqueName}')`
  assert.equal(sent.get(app)?.displayName, nasty)
  for (const credential of application.credentials) {
    const url = `https://graph.example/v1.0/applications/${id}/federatedIdentityCredentials(name='${credential.name}')`
    assert.deepEqual(sent.get(url), toGraphCredential(credential))
  }
  const managedId = `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${identity.displayName}`
  for (const credential of identity.credentials) {
    const url = `${managedId}/federatedIdentityCredentials/${credential.name}`
    assert.deepEqual(sent.get(url), toArmCredential(credential))
  }
  for (const { scope, role, condition, description } of desired.identities.flatMap(
    (each) => each.assignments,
  )) {
    const planned = { scope, condition, description, roleGuid: role.guid, roleName: role.name }
    assert.deepEqual(
      sent.get(assignmentPath(scope, assignmentGuid(scope, id, role.guid))),
      toArmAssignment(planned, id),
    )
  }
  const count = desired.identities.flatMap(({ credentials, assignments }) => [
    ...credentials,
    ...assignments,
  ]).length
  // One role, one application, one service principal, one managed identity.
  assert.equal(sent.size, count + 4)
})

test('output › the script for az stops in another tenant', () => {
  const other = {
    ...desired,
    identities: desired.identities.map((each) => ({ ...each, tenantId: 'x' })),
  }
  assert.throws(() => runScript(writeAzScript(other), 'id'))
})

test('output › Terraform says what the desired state says', async () => {
  const text = writeTerraform(desired)
  const file = await readHcl(text)
  const resources = (type: string) => [...blocksOf(file, 'resource', type).values()]
  assert.deepEqual(
    resources('azuread_application').map((each) => each['display_name']),
    [nasty],
  )
  const credentials = resources('azuread_application_federated_identity_credential')
  assert.deepEqual(
    credentials.map((each) => [
      each['display_name'],
      each['issuer'],
      each['subject'],
      each['audiences'],
      each['description'],
    ]),
    application.credentials.map(({ name, issuer, subject, audience, description }) => [
      name,
      issuer,
      subject,
      [audience],
      description,
    ]),
  )
  assert.deepEqual(
    resources('azurerm_federated_identity_credential').map((each) => each['subject']),
    identity.credentials.map(({ subject }) => subject),
  )
  assert.deepEqual(
    resources('azurerm_role_assignment').map((each) => [
      each['scope'],
      each['condition'],
      each['condition_version'],
    ]),
    desired.identities.flatMap(({ assignments }) =>
      assignments.map(({ scope, condition }) => [
        scope,
        condition,
        condition === undefined ? undefined : '2.0',
      ]),
    ),
  )
  const [role] = resources('azurerm_role_definition')
  assert.deepEqual(role?.['permissions'], [
    { data_actions: desired.roleDefinitions[0]?.dataActions },
  ])
  // Everything that is referred to is there.
  const used = [...text.matchAll(/(?<![\w"./-])(data\.)?(azuread_\w+|azurerm_\w+)\.(\w+)/g)]
  assert.ok(used.length > 5)
  for (const [whole, data, type = '', name] of used) {
    const blocks = blocksOf(file, data === undefined ? 'resource' : 'data', type)
    assert.ok(blocks.has(name ?? ''), whole)
  }
})

test('output › Terraform looks up what is there already', async () => {
  const file = await readHcl(writeTerraform(desiredOf()))
  assert.deepEqual(
    [...blocksOf(file, 'data', 'azuread_application').values()].map((each) => each['client_id']),
    [artifacts, readers],
  )
})

test('output › Bicep says what the desired state says, and has every module it uses', () => {
  const files = writeBicep(desired)
  for (const text of Object.values(files)) readBicep(text)
  const statements = readBicep(files['main.bicep'] ?? '')
  const bodies = (type: string) =>
    statements
      .filter((each) => each.type.startsWith(type))
      .map(({ body }) => body as Record<string, unknown>)
  assert.deepEqual(
    bodies('Microsoft.Graph/applications@').map((each) => each['displayName']),
    [nasty],
  )
  assert.deepEqual(
    bodies('Microsoft.Graph/applications/federatedIdentityCredentials@').map((each) => [
      each['issuer'],
      each['subject'],
      each['audiences'],
      each['description'],
    ]),
    application.credentials.map(({ issuer, subject, audience, description }) => [
      issuer,
      subject,
      [audience],
      description,
    ]),
  )
  const grants = statements.filter(({ type }) => type.endsWith('-role.bicep'))
  assert.deepEqual(
    grants.map(({ body }) => {
      const { params } = body as { params: Record<string, unknown> }
      return [params['scopeId'], params['condition'], params['roleGuid']]
    }),
    desired.identities.flatMap(({ assignments }) =>
      assignments.map(({ scope, condition, role }) => [scope, condition, role.guid]),
    ),
  )
  const symbols = statements.map(({ symbol }) => symbol).filter((symbol) => symbol !== '')
  assert.equal(new Set(symbols).size, symbols.length)
  for (const { keyword, type } of statements) if (keyword === 'module') assert.ok(files[type], type)
})

test('output › Bicep asks for the unique name of an application that is there already', () => {
  const statements = readBicep(writeBicep(desiredOf())['main.bicep'] ?? '')
  const asked = statements
    .filter(({ keyword }) => keyword === 'parameter')
    .map(({ symbol }) => symbol)
  assert.deepEqual(asked, ['unique_name_artifacts', 'unique_name_readers'])
})
