// Why a step was refused: `doctor` on its own settings, loaded only when there is something to explain, and
// for a quarter of a minute at most.
import { explainStep } from '../src/diagnose/explain-step.ts'
import type { Explanation } from '../src/plugin/report.ts'
import type { RefusedStep, RunDeps } from '../src/plugin/run.ts'
import { toUserAgent } from '../src/plugin/user-agent.ts'
import { findAddresses } from './find-addresses.ts'

const patienceMs = 15_000

/** The verdict on a refused step, and the command that comes to it again. */
export async function explainRefusal(deps: RunDeps, refused: RefusedStep): Promise<Explanation> {
  const { openHttp, version } = deps
  const { settings, env } = refused
  const ending = AbortSignal.any([deps.signal, AbortSignal.timeout(patienceMs)])
  const [first] = settings.transfers
  return explainStep(
    {
      ...deps,
      openHttp: (options) => {
        const client = openHttp(options)
        return { ...client, send: (request) => client.send({ ...request, signal: ending }) }
      },
      findAddresses,
      userAgent: toUserAgent(version, { ...env, DRONE_STEP_NAME: 'doctor' }),
    },
    {
      ...refused,
      isOnly: settings.transfers.length === 1,
      isUpload: first?.job.action === 'upload',
    },
  )
}
