import assert from 'node:assert/strict'
import { it } from 'node:test'

import { readContext } from './context.ts'
import { toUserAgent } from './user-agent.ts'

const woodpecker = {
  CI: 'woodpecker',
  CI_REPO: 'octo/app',
  CI_PIPELINE_NUMBER: '7',
  CI_PIPELINE_EVENT: 'push',
  CI_PIPELINE_URL: 'https://ci.example/repos/1/pipeline/7',
  CI_STEP_NAME: 'publish',
}

it('a step of Woodpecker is known by its CI_* variables', () => {
  assert.deepEqual(readContext(woodpecker), {
    repository: 'octo/app',
    buildNumber: '7',
    event: 'push',
    step: 'publish',
    link: 'https://ci.example/repos/1/pipeline/7',
  })
  assert.equal(toUserAgent('1.2.3', woodpecker), 'azure-storage-drone/1.2.3 (octo/app#7 publish)')
})

it('Drone’s own variables count before those of others', () => {
  const env = { ...woodpecker, DRONE_REPO: 'octo/drone', DRONE_BUILD_NUMBER: '8' }
  const { repository, buildNumber, step } = readContext(env)
  assert.deepEqual([repository, buildNumber, step], ['octo/drone', '8', 'publish'])
})

it('where nobody says anything, labels are empty', () => {
  assert.deepEqual(new Set(Object.values(readContext({}))), new Set(['']))
  assert.equal(toUserAgent('1.2.3', {}), 'azure-storage-drone/1.2.3 (unknown#0 plugin)')
})
