// The main job on embedded defaults: once trust is set up, a pushed build uploads a tree and downloads it again through the
// real service and the bundled plugin, with a federated identity and no stored secret; then the hops,
// and the search for leaked secrets.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { pushBuild, type LabBuild } from '../lab/drone.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { LedgerRow } from '../store/store.ts'
import { searchSecrets, type Place, type Search } from './canary.ts'
import { countChanges, type FirstDay } from './first-day.ts'
import { traceHops, type Hop } from './hops.ts'
import { describeHops, describeVerdict } from './report.ts'
import { fetchToken, runStep, throwIfFailed, type PlayedStep, type StepPlan } from './step.ts'
import { compareTrees, measureTree } from './tree.ts'
import type { NamedSecret } from './trust-service.ts'

/** What a demo run needs of the door that starts it. */
export type DemoDeps = {
  /** The command that is the bundled plugin. */
  plugin: readonly string[]
  /** Says something to the person watching. */
  say: (text: string) => void
  randomHex: (sizeBytes: number) => string
}

/** The outcome, printed as one JSON document by `demo --json`. */
export type DemoResult = {
  ok: boolean
  files: number
  bytes: number
  /** What `trust apply` had to change in the empty tenant. */
  changesApplied: number
  identical: boolean
  subject: string
  uploadSeconds: number
  downloadSeconds: number
  differences: string[]
  hops: Hop[]
  secretsFound: number
  controlFound: boolean
}

const shownDifferences = 20
const ledgerPage = 10_000

/** Plays one build over the tree in `source`; throws the fault of the step that failed. */
export async function runDemo(deps: DemoDeps, lab: FirstDay, source: string): Promise<DemoResult> {
  const said = [lab.applied]
  const say = (text: string) => {
    said.push(text)
    deps.say(text)
  }
  // The commit is also the control of the secret search: it must show up in every place.
  const control = deps.randomHex(20)
  const target = `${lab.repository.slug}/${control}`
  const download = join(lab.folder, 'download')
  mkdirSync(download)

  const build = pushBuild(lab.repository, { after: control })
  say(`A push of ${control} to ${lab.repository.slug} became build #${build.number}.\n`)
  await lab.drone.sendWebhook(lab.repository, build)
  const play = (plan: StepPlan) => playStep({ plugin: deps.plugin, say }, lab, build, plan)
  const upload = await play({
    name: 'upload',
    cwd: source,
    settings: { action: 'upload', source: '.', target, dotfiles: 'true' },
  })
  const restore = await play({
    name: 'download',
    cwd: download,
    settings: { action: 'download', source: `${target}/`, target: '.', dotfiles: 'true' },
  })
  await lab.drone.sendWebhook(lab.repository, { ...build, status: 'success', version: 3 })

  const differences = await compareTrees(source, download)
  const steps = [upload, restore]
  const hops = await traceHops(lab, { answers: steps, ledger: await readLedger(lab) })
  say(describeHops(hops))
  const outcome = {
    ...measureTree(source),
    changesApplied: countChanges(lab.applied),
    identical: differences.length === 0,
    subject: subjectOf(hops),
    uploadSeconds: upload.seconds,
    downloadSeconds: restore.seconds,
    differences: differences.slice(0, shownDifferences),
    hops,
  }
  const search = searchRun(lab, steps, [...said, JSON.stringify(outcome)], control)
  deps.say(describeVerdict(outcome, search))
  const isSafe = search.findings.length === 0 && search.controlFound
  return {
    ok: outcome.identical && outcome.files > 0 && isSafe && hops.every(({ ok }) => ok),
    ...outcome,
    secretsFound: search.findings.length,
    controlFound: search.controlFound,
  }
}

async function playStep(
  { plugin, say }: { plugin: readonly string[]; say: (text: string) => void },
  lab: FirstDay,
  build: LabBuild,
  plan: StepPlan,
): Promise<PlayedStep> {
  const answer = await fetchToken(lab, build)
  await lab.drone.sendWebhook(lab.repository, { ...build, status: 'running', version: 2 })
  say(`\nStep "${plan.name}" as its log shows it:\n`)
  const finished = await runStep(plugin, lab, build, answer.token, plan, (text) => {
    say(text.replaceAll(/^(?=.)/gm, '  | '))
  })
  throwIfFailed(plan.name, finished)
  return { ...finished, ...answer }
}

async function readLedger(lab: FirstDay): Promise<LedgerRow[]> {
  const store = openSqliteStore(join(lab.stateFolder, 'state.db'))
  try {
    return await store.readLedger('node-1', 1, ledgerPage)
  } finally {
    await store.close()
  }
}

function subjectOf(hops: readonly Hop[]): string {
  const claims = hops.find(({ hop }) => hop === 'ID token')?.facts['claims']
  return (claims as { sub?: string } | undefined)?.sub ?? ''
}

function searchRun(
  lab: FirstDay,
  steps: readonly PlayedStep[],
  said: readonly string[],
  control: string,
): Search {
  const state = (file: string) => join(lab.stateFolder, file)
  const read = (file: string) => (existsSync(file) ? readFileSync(file) : Buffer.alloc(0))
  const places: Place[] = [
    ...steps.map(({ output }, index) => ({
      name: `output of step ${index + 1}`,
      content: Buffer.from(output),
    })),
    { name: 'log of the service', content: Buffer.from(lab.service.output()) },
    {
      name: 'database',
      content: Buffer.concat(['state.db', 'state.db-wal'].map((file) => read(state(file)))),
    },
    { name: 'output of the demo', content: Buffer.from(said.join('')) },
  ]
  const signingKey = JSON.parse(read(state('signing-keys.json')).toString()) as {
    keys: { private: { d: string } }[]
  }
  const secrets: NamedSecret[] = [
    ...lab.secrets,
    { name: 'token key', value: read(state('token.key')).toString().trim() },
    ...signingKey.keys.map((key) => ({ name: 'signing key', value: key.private.d })),
    ...steps.map(({ token }) => ({ name: 'request token', value: token })),
    ...lab.entra.presentedAssertions.map((value) => ({ name: 'ID token', value })),
    ...lab.entra.issuedTokens.map((value) => ({ name: 'access token', value })),
  ]
  return searchSecrets(places, secrets, control)
}
