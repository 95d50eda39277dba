// What a scenario is, and words that several of them share.
import assert from 'node:assert/strict'

import { decodeJwt, type JWTPayload } from 'jose'

import type { DroneLab, Ended } from './installation.ts'

/** One thing that has to hold on any Drone, as a sentence and as a play that throws where it does not. */
export type Scenario = { name: string; play: (lab: DroneLab) => Promise<void> }

/** The files that are in the container before anything runs. */
export const seed: Readonly<Record<string, string>> = {
  'a.txt': 'a',
  'folder/b c.txt': 'bb',
  'ü/50%#.txt': 'ccc',
}

/** Puts them there as the owner of the account. */
export async function plantSeed({ container }: DroneLab): Promise<void> {
  for (const [name, content] of Object.entries(seed)) {
    await container.getBlockBlobClient(`octo/hello/seed/${name}`).uploadData(Buffer.from(content))
  }
}

/** Names of what lies below a place of the repository. */
export async function listPlace({ container }: DroneLab, place: string): Promise<string[]> {
  const prefix = `octo/hello/${place}/`
  const names: string[] = []
  for await (const { name } of container.listBlobsFlat({ prefix })) {
    names.push(name.slice(prefix.length))
  }
  return names.toSorted()
}

/** The build is done, and its steps say so. */
export async function assertDone(build: Ended): Promise<void> {
  const failed = build.stages?.flatMap(({ steps = [] }) => steps) ?? []
  const bad = failed.find(({ status }) => status !== 'success')
  if (bad) assert.fail(`step ${bad.name} is ${bad.status}:\n${await build.log(bad.name)}`)
  assert.equal(build.status, 'success', build.error)
}

/** The step's log has our code and sentence and what to do, and the build failed. */
export async function assertRefused(
  build: Ended,
  step: string,
  code: string,
  sentence: RegExp,
): Promise<void> {
  const log = await build.log(step)
  assert.match(log, new RegExp(`\\b${code}\\b`), log)
  assert.match(log, sentence)
  assert.match(log, /what to do: \S/)
  assert.equal(build.status, 'failure')
}

/** Claims of the ID tokens that steps of this commit's builds showed to Entra. */
export function claimsOf({ ours }: DroneLab, commit: string): JWTPayload[] {
  return ours.entra.presentedAssertions
    .map((assertion) => decodeJwt(assertion))
    .filter((claims) => claims['sha'] === commit)
}
