// One injected fault, what the doctor has to say of it, and the checks that hold for every run.
import { type FaultCode, faults } from '../../src/core/fault.ts'
import type { Trouble } from '../../src/diagnose/to-verdict.ts'
import type { Ask, DoctorLab } from './lab.ts'

/** A fault: switched on in a healthy lab, then the doctor is run. */
export type DoctorCase = {
  name: string
  /** Switches the fault on; what it gives changes the run. */
  inject: (lab: DoctorLab) => Partial<Ask> | undefined | Promise<Partial<Ask> | undefined>
  code: FaultCode | 'ok'
  trouble: Trouble
  /** What the sentence, the fix or a warning has to say. */
  says: RegExp
}

/** What went wrong with the doctor; undefined when it named the cause. */
export async function runCase(lab: DoctorLab, each: DoctorCase): Promise<string | undefined> {
  await lab.reset()
  const changes = (await each.inject(lab)) ?? {}
  const token = changes.token ?? (await lab.tokenFor(await lab.newBuild()))
  const { output, exitCode } = await lab.doctor({ ...changes, token })
  const line = output.trimEnd().split('\n').at(-1) ?? ''
  const found = readDocument(line)
  if (!found) return `it printed no document: ${output.slice(0, 2000)}`
  const problems = [...judgeVerdict(each, found, exitCode), ...findSecrets(output, token)]
  return problems.length === 0 ? undefined : `${problems.join('; ')}: ${line.slice(0, 1500)}`
}

function judgeVerdict(
  { code, trouble, says }: DoctorCase,
  { verdict, warnings }: Document,
  exitCode: number,
): string[] {
  const wanted = code === 'ok' ? 0 : faults[code].exit
  const checks: [holds: boolean, problem: string][] = [
    [verdict.code === code, `the code is ${verdict.code} and not ${code}`],
    [verdict.trouble === trouble, `the trouble is ${verdict.trouble} and not ${trouble}`],
    [exitCode === wanted, `it ended with ${exitCode} and not ${wanted}`],
    [says.test(JSON.stringify([verdict, warnings])), `nothing says ${says}`],
    [verdict.fix.length > 5, 'it says nothing on what to do'],
  ]
  return checks.filter(([holds]) => !holds).map(([, problem]) => problem)
}

/** What of tokens is in an output; nothing may be. */
export function findSecrets(output: string, token: string): string[] {
  const secret = token.split('.').at(-1) ?? ''
  return [
    ...(/eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/.test(output) ? ['a JWT is in its output'] : []),
    ...(secret.length > 20 && output.includes(secret)
      ? ['the request token is in its output']
      : []),
  ]
}

type Document = {
  verdict: { code: string; trouble: string; sentence: string; fix: string }
  warnings: unknown[]
}

function readDocument(line: string): Document | undefined {
  try {
    const found = JSON.parse(line) as Document
    return typeof found.verdict.code === 'string' ? found : undefined
  } catch {
    return undefined
  }
}
