// The CI servers of a rehearsal: ci-main with three runners and ci-two with one, each with secrets of
// its own.
import type { InstanceId } from '../ci/build.ts'
import type { Instance, Runner } from '../config/instances.ts'
import { Secret } from '../core/secret.ts'

/** One instance of the configuration; `more` is what it and its runners have beside the usual. */
export function instanceOf(
  tokens: { runner: string; webhook: string; environ: string; other: string },
  name: string,
  more: { instance?: Partial<Instance>; runner?: Partial<Runner> },
): Instance {
  const runner = (id: string, token: string, repositories: string[], environ = false): Runner => ({
    name: id,
    token: new Secret(token),
    repositories,
    environ,
    encryptAnswers: false,
    upstream: {},
    ...more.runner,
  })
  const isMain = name === 'ci-main'
  const runners = isMain
    ? [
        runner('docker-1', tokens.runner, ['octo/*']),
        runner('environ-1', tokens.environ, ['**'], true),
        runner('narrow-1', tokens.other, ['octo/other']),
      ]
    : [runner('docker-1', `${tokens.other}-two`, ['**'])]
  return {
    instance: name as InstanceId,
    scm: 'gitea',
    witness: 'webhook',
    webhookSecret: new Secret(isMain ? tokens.webhook : `${tokens.webhook}-two`),
    runners: new Map(runners.map((each) => [each.name, each])),
    ...more.instance,
  }
}

/** The connection of a caller, as the HTTP server knows it. */
export const from = (remoteAddress: string): object => ({ incoming: { socket: { remoteAddress } } })
