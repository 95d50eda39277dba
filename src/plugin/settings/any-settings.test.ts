import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { settingNames, variableOf } from '../settings-table.ts'
import { type Environment, readSettings } from '../settings.ts'

const token = 'asd1.payload.geheim'
const good: Environment = {
  PLUGIN_TOKEN: token,
  PLUGIN_ACTION: 'upload',
  PLUGIN_ACCOUNT: 'contosobuilds',
  PLUGIN_CONTAINER: 'artifacts',
  PLUGIN_SOURCE: 'dist',
}

const names = settingNames().filter((name) => name !== 'token')
const value = fc.oneof(
  fc.string(),
  fc.json(),
  fc.constantFrom('true', 'false', 'upload', 'sync', 'download', 'list', 'remove', 'link', '1'),
)

/** What came of any settings: a Fault with a sentence, or settings. */
function tryRead(env: Environment): Fault | undefined {
  try {
    readSettings(env)
    return undefined
  } catch (error) {
    assert.ok(error instanceof Fault, String(error))
    return error
  }
}

describe('whatever stands in the settings', () => {
  it('is read, or refused in words that never hold the token', () => {
    const changes = fc.dictionary(fc.constantFrom(...names.map((name) => variableOf(name))), value)
    fc.assert(
      fc.property(changes, (env) => {
        const fault = tryRead({ ...good, ...env })
        if (!fault) return
        assert.match(fault.code, /^plugin_setting_invalid$|^transfer_/)
        assert.ok(!fault.message.includes('geheim'), fault.message)
      }),
    )
  })

  it('is read or refused within `transfers` as well', () => {
    const transfer = fc.dictionary(fc.constantFrom(...names), fc.oneof(value, fc.jsonValue()))
    fc.assert(
      fc.property(fc.array(transfer, { maxLength: 3 }), (transfers) => {
        const fault = tryRead({ ...good, PLUGIN_TRANSFERS: JSON.stringify(transfers) })
        assert.ok(!fault?.message.includes('geheim'))
      }),
    )
  })

  it('is told by name when nobody knows the name', () => {
    const stranger = fc.stringMatching(/^[A-Z][A-Z_]{4,12}$/).filter((name) => {
      const lower = name.toLowerCase()
      return !names.some((known) => known === lower)
    })
    fc.assert(
      fc.property(stranger, (name) => {
        const fault = tryRead({ ...good, [`PLUGIN_${name}X9`]: 'x' })
        assert.ok(fault?.message.includes(`\`${name.toLowerCase()}x9\``), fault?.message)
      }),
    )
  })
})
