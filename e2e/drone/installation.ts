// A scripted installation of Drone with everything around it: Gitea, the tap, our side, and a server with a
// runner that are real programs, one that runs already, or the replay. Only how they start differs.
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import type { ContainerClient } from '@azure/storage-blob'

import { Secret } from '../../src/core/secret.ts'
import { findFreePorts } from '../../src/demo/program.ts'
import { type NamedSecret, names } from '../../src/demo/trust-service.ts'
import { type LabScm, startScm } from '../../src/lab/scm.ts'
import { openBlobService } from '../../suites/matrix/blob-place.ts'
import type { Agreed, Choice, Images } from './choice.ts'
import { type ApiBuild, createDroneApi, type DroneApi } from './drone-api.ts'
import { type Ours, prepareOurs, startOurs } from './ours.ts'
import { startPrograms, type DronePrograms } from './programs.ts'
import { startTap, type Tap } from './tap.ts'
import { startWood, type Wood } from './woodpecker.ts'

/** A build that has ended. */
export type Ended = ApiBuild & {
  /** What a person sees of a step of this name. */
  log: (step: string) => Promise<string>
  /** The data of its card. */
  card: (step: string) => Promise<unknown>
}

/** What scenarios are played on. */
export type DroneLab = {
  api: DroneApi
  scm: LabScm
  tap: Tap
  ours: Ours
  wood: Wood
  images: Images
  /** What lies in the container, by the word of the official SDK. */
  container: ContainerClient
  /** A commit of this file on main, pushed; gives it, and the number of its build. */
  push: (file: string) => Promise<{ commit: string; number: number }>
  /** A pull request from this repository, or from one that was deleted. */
  openPullRequest: (file: string, from: string | undefined) => Promise<number>
  end: (number: number) => Promise<Ended>
  /** Logs of all steps so far, outputs of programs, and what nobody may find in them. */
  evidence: () => Promise<{
    logs: string
    outputs: DronePrograms['outputs']
    secrets: NamedSecret[]
  }>
  /** Whether the server and the runner are our own programs. */
  isReplay: boolean
  close: () => Promise<void>
}

/** Starts all of it in a folder that is not there yet; `programs` holds our bundles. */
export async function startDroneLab(
  choice: Choice,
  { folder, programs }: { folder: string; programs: string },
): Promise<DroneLab> {
  mkdirSync(folder, { recursive: true })
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const each of closers.toReversed()) await each()
  }
  try {
    return await startAll(choice, { folder, programs }, closers, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function startAll(
  choice: Choice,
  { folder, programs }: { folder: string; programs: string },
  closers: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<DroneLab> {
  const [serverPort = 0, runnerPort = 0, tapPort = 0] = await findFreePorts(3)
  const agreed = choice.kind === 'address' ? choice.agreed : newAgreement(tapPort)
  const prepared = await prepareOurs(join(folder, 'ours'))
  const { repository, ciUrl } = prepared.plan
  const scm = await startScm(
    [{ id: Number(repository.uid), slug: repository.slug, isPrivate: true }],
    {
      port: agreed.scmPort,
      client: { id: agreed.clientId, secret: new Secret(agreed.clientSecret) },
    },
  )
  closers.push(scm.close)
  const tap = await startTap({ ciUrl, port: agreed.tapPort })
  closers.push(tap.close)
  const wood = await startWood(prepared.authority, { ciUrl, plugin: join(programs, 'plugin.mjs') })
  closers.push(wood.close)
  const url = choice.kind === 'address' ? choice.url : `http://127.0.0.1:${serverPort}`
  const ours = await startOurs(prepared, [process.execPath, join(programs, 'service.mjs')], {
    drone: { url, ...agreed },
    woodpecker: wood,
  })
  closers.push(ours.close)
  const images =
    choice.kind === 'replay'
      ? { plugin: 'plugin:1', shell: 'shell:1', dockerHost: '' }
      : choice.images
  const drone =
    choice.kind === 'address'
      ? undefined
      : await startPrograms(choice, {
          folder,
          port: serverPort,
          runnerPort,
          scm: { url: scm.url, clientId: agreed.clientId, clientSecret: agreed.clientSecret },
          ciUrl: tap.url,
          instance: names.instance,
          runner: names.runner,
          dockerHost: images.dockerHost,
          ...agreed,
          more: choice.kind === 'replay' ? replayVariables(choice, ours, { folder, programs }) : {},
        })
  if (drone) closers.push(drone.stop)
  const api = createDroneApi({ url, token: agreed.userToken, repository: repository.slug })
  await api.signIn()
  // Trusted, so that steps may use the host's network, where all of this listens, and see the lab's CA.
  await api.activate({ trusted: true, visibility: 'private', timeout: 60 })
  return {
    api,
    scm,
    tap,
    ours,
    wood,
    images,
    isReplay: choice.kind === 'replay',
    container: openContainer(ours),
    ...starters(api, scm, repository.slug),
    end: async (number) => withSteps(api, await api.awaitEnd(number)),
    evidence: async () => ({
      logs: await readAllLogs(api),
      outputs: drone?.outputs ?? (() => []),
      secrets: [
        ...ours.secrets,
        ...(drone?.secrets ?? []),
        { name: 'client secret', value: agreed.clientSecret },
        ...scm.tokens.map((value) => ({ name: 'token of the source-code host', value })),
        ...[...tap.repositorySecrets].map((value) => ({ name: 'repo.secret', value })),
        ...tap.tokens.map(({ token: value }) => ({ name: 'request token', value })),
      ],
    }),
    close,
  }
}

function replayVariables(
  { container }: Extract<Choice, { kind: 'replay' }>,
  { caFolder }: Ours,
  { folder, programs }: { folder: string; programs: string },
): Record<string, string> {
  return {
    REPLAY_PLUGIN: join(programs, 'plugin.mjs'),
    REPLAY_FOLDER: folder,
    REPLAY_CA: caFolder,
    ...(container && { REPLAY_IMAGE: container.image, DOCKER_HOST: container.dockerHost }),
  }
}

function newAgreement(tapPort: number): Agreed {
  const secret = (sizeBytes: number) => randomBytes(sizeBytes).toString('hex')
  return {
    userToken: secret(16),
    runnerToken: secret(32),
    webhookSecret: secret(32),
    clientId: secret(8),
    clientSecret: secret(16),
    tapPort,
    scmPort: 0,
  }
}

function starters(
  api: DroneApi,
  scm: LabScm,
  slug: string,
): Pick<DroneLab, 'push' | 'openPullRequest'> {
  // The server's answer to a hook has changed over its versions; its list of builds has not.
  const findBuild = async (commit: string) => {
    const found = (await api.listBuilds()).find(({ after }) => after === commit)
    if (!found) throw new Error(`no build of ${commit}`)
    return found.number
  }
  const check = ({ status, body }: { status: number; body: string }) => {
    if (status >= 300) throw new Error(`the hook was answered ${status}: ${body}`)
  }
  return {
    push: async (file) => {
      const commit = scm.commit(slug, file)
      check(await scm.push(slug, commit))
      return { commit, number: await findBuild(commit) }
    },
    openPullRequest: async (file, from) => {
      const commit = scm.commit(slug, file)
      check(await scm.openPullRequest(slug, commit, from))
      return findBuild(commit)
    },
  }
}

function withSteps(api: DroneApi, ended: ApiBuild): Ended {
  const numberOf = (name: string): number => {
    const [stage] = ended.stages ?? []
    const step = stage?.steps?.find((each) => each.name === name)
    if (!step) throw new Error(`no step ${name}: ${ended.error ?? stage?.error ?? ended.status}`)
    return step.number
  }
  return {
    ...ended,
    log: (step) => api.readLog(ended.number, numberOf(step)),
    card: (step) => api.readCard(ended.number, numberOf(step)),
  }
}

async function readAllLogs(api: DroneApi): Promise<string> {
  const logs: string[] = []
  for (const { number } of await api.listBuilds()) {
    const build = await api.readBuild(number)
    for (const { steps = [] } of build.stages ?? []) {
      const ran = steps.filter(({ status }) => status !== 'skipped')
      for (const step of ran) logs.push(await api.readLog(number, step.number))
    }
  }
  return logs.join('')
}

function openContainer({ entra, storage, authority }: Ours): ContainerClient {
  const credential = {
    getToken: async () => ({
      token: await entra.mintOwnerToken(),
      expiresOnTimestamp: Date.now() + 30 * 60 * 1000,
    }),
  }
  const endpoint = storage.endpointOf(names.account)
  return openBlobService({ endpoint, ca: authority.caPem, credential }).getContainerClient(
    names.container,
  )
}
