// `azure-storage-drone policy …`: reads policy files, asks the pure functions of src/policy, and prints.
import { parseArgs, type ParseArgsConfig } from 'node:util'

import { Fault } from '../src/core/fault.ts'
import { parseCases, runCase } from '../src/policy/cases.ts'
import { diffPolicies } from '../src/policy/diff.ts'
import { explain, isAllowed } from '../src/policy/explain.ts'
import { isVerb, verbs, type Verb } from '../src/policy/grant.ts'
import { lint } from '../src/policy/lint.ts'
import type { Place } from '../src/policy/place.ts'
import { parsePolicy, type Policy } from '../src/policy/schema.ts'
import { didYouMean } from '../src/policy/spelling.ts'
import { findWhoCan } from '../src/policy/who-can.ts'
import { knownScms, toBuild, wordsSchema } from '../src/policy/words.ts'
import { writeDiff, writeExplanation, writeLint, writeResults, writeWhoCan } from './policy-text.ts'

/** What the command needs of the world. */
export type PolicyIo = {
  readFile: (path: string) => string
  write: (text: string) => void
}

/** How `policy` is used. */
export const policyUsage = `azure-storage-drone policy <command>

  lint FILE [--strict]          checks a policy file; who enforces each grant; warnings
  test FILE CASES.yaml          builds in few words and what they must become
  explain FILE --instance NAME --repo OWNER/NAME --repo-id ID --event EVENT [--ref REF]
          [--source OWNER/NAME] [--scm KIND] [--trigger WHO] [--parent N] [--cron NAME]
          [--target NAME] [--param NAME]... [--number N] [--entry NAME]
          [--account A --container C [--path P] [--verb V]]
                                what a build gets, and why not more
  diff OLD NEW                  which builds gain or lose what
  who-can FILE ACCOUNT/CONTAINER[/PATH] [VERB]
                                who can reach a place
  --json                        one JSON document instead of text
  --gateway                     as with a gateway that serves what no Azure role can enforce

Exit codes: 0 done (lint: the file loads; test: all as expected; explain: allowed; diff: no change;
who-can: somebody) · 2 usage, or a file with mistakes · 3 explain: denied; diff: somebody gains
something · 4 diff: changed, and nobody gains anything; who-can: nobody · 6 test: a case differs;
lint --strict: warnings
`

const shared = { json: { type: 'boolean' }, gateway: { type: 'boolean' } } as const

const explainOptions = {
  ...shared,
  instance: { type: 'string' },
  repo: { type: 'string' },
  'repo-id': { type: 'string' },
  event: { type: 'string' },
  ref: { type: 'string' },
  source: { type: 'string' },
  scm: { type: 'string' },
  trigger: { type: 'string' },
  parent: { type: 'string' },
  cron: { type: 'string' },
  target: { type: 'string' },
  param: { type: 'string', multiple: true },
  number: { type: 'string' },
  entry: { type: 'string' },
  verb: { type: 'string' },
  account: { type: 'string' },
  container: { type: 'string' },
  path: { type: 'string' },
} as const

const commands: Record<string, (args: string[], io: PolicyIo) => number> = {
  lint: runLint,
  test: runTest,
  explain: runExplain,
  diff: runDiff,
  'who-can': runWhoCan,
}

/** Runs `policy <command>`; resolves to the exit code, throws cli_usage or config_invalid. */
export async function policyCommand(args: string[], io: PolicyIo): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help') {
    io.write(policyUsage)
    return name === undefined ? 2 : 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command) return command(rest, io)
  throw usage(`there is no command "${name}"${didYouMean(name, Object.keys(commands)) || '.'}`)
}

function runLint(args: string[], io: PolicyIo): number {
  const { values, positionals } = read(args, { ...shared, strict: { type: 'boolean' } }, 1)
  const report = lint(load(io, positionals[0], values.gateway))
  print(io, values.json, report, writeLint)
  return values.strict && report.findings.length > 0 ? 6 : 0
}

function runTest(args: string[], io: PolicyIo): number {
  const { values, positionals } = read(args, shared, 2)
  const policy = load(io, positionals[0], values.gateway)
  const cases = parseCases(readText(io, positionals[1]))
  const results = cases.map((each) => runCase(policy, each))
  print(io, values.json, { results }, writeResults)
  return results.every(({ ok }) => ok) ? 0 : 6
}

function runExplain(args: string[], io: PolicyIo): number {
  const { values, positionals } = read(args, explainOptions, 1)
  if (values.scm !== undefined && !knownScms.includes(values.scm)) {
    throw usage(`--scm is one of ${knownScms.join(', ')}.`)
  }
  if (values.ref === undefined && values.event !== 'pull_request') throw usage('--ref is missing.')
  const words = wordsSchema.safeParse({
    instance: values.instance,
    repository: values.repo,
    repository_id: values['repo-id'],
    event: values.event,
    ref: values.ref,
    source: values.source,
    scm: values.scm,
    trigger: values.trigger,
    parent: values.parent === undefined ? undefined : Number(values.parent),
    cron: values.cron,
    target: values.target,
    params: values.param,
    number: values.number === undefined ? undefined : Number(values.number),
  })
  if (!words.success) {
    const flags: Record<string, string> = {
      repository: 'repo',
      repository_id: 'repo-id',
      params: 'param',
    }
    const names = words.error.issues.map(({ path }) => {
      const name = String(path[0])
      return `--${flags[name] ?? name}`
    })
    throw usage(`${names.join(', ')}: missing or not of the right form.`)
  }
  const policy = load(io, positionals[0], values.gateway)
  const place = readPlace(values)
  const result = explain(policy, toBuild(words.data), { entry: values.entry, place })
  print(io, values.json, { ...result, allowed: isAllowed(result) }, writeExplanation)
  return isAllowed(result) ? 0 : 3
}

function runDiff(args: string[], io: PolicyIo): number {
  const { values, positionals } = read(args, shared, 2)
  const [older, newer] = positionals.map((file) => load(io, file, values.gateway))
  if (!older || !newer) throw usage('diff needs two files.')
  const result = diffPolicies(older, newer)
  print(io, values.json, result, writeDiff)
  if (result.isWider) return 3
  return result.changes.length + result.trials.length > 0 ? 4 : 0
}

function runWhoCan(args: string[], io: PolicyIo): number {
  const { values, positionals } = read(args, shared, 2, 3)
  const [file, where = '', verb] = positionals
  const [account = '', container = '', ...path] = where.split('/')
  if (account === '' || container === '') throw usage('name the place as account/container/path.')
  const place = { account, container, path: path.join('/'), verb: toVerb(verb) }
  const result = findWhoCan(load(io, file, values.gateway), place)
  print(io, values.json, result, writeWhoCan)
  return result.ways.length > 0 ? 0 : 4
}

function readPlace(values: {
  account?: string
  container?: string
  path?: string
  verb?: string
}): Place | undefined {
  const { account, container, path = '', verb } = values
  if (account === undefined && container === undefined && path === '' && verb === undefined) {
    return undefined
  }
  if (account === undefined || container === undefined) {
    throw usage('--path and --verb need --account and --container.')
  }
  return { account, container, path, verb: toVerb(verb) }
}

function toVerb(text: string | undefined): Verb | undefined {
  if (text === undefined || isVerb(text)) return text
  throw usage(`"${text}" is none of ${verbs.join(', ')}${didYouMean(text, verbs) || '.'}`)
}

function read<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: Options,
  least: number,
  most = least,
) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true })
    if (parsed.positionals.length >= least && parsed.positionals.length <= most) return parsed
  } catch (cause) {
    throw usage((cause as Error).message, cause)
  }
  throw usage(`${least} file or place name(s) are needed.`)
}

function load(io: PolicyIo, file: string | undefined, gatewayServes = false): Policy {
  return parsePolicy(readText(io, file), { gatewayServes })
}

function readText(io: PolicyIo, file = ''): string {
  try {
    return io.readFile(file)
  } catch (cause) {
    throw new Fault('config_invalid', `${file} cannot be read: ${(cause as Error).message}.`, {
      cause,
    })
  }
}

function print<Value>(
  io: PolicyIo,
  json: boolean | undefined,
  value: Value,
  toText: (value: Value) => string,
): void {
  io.write(json ? `${JSON.stringify(value)}\n` : toText(value))
}

function usage(sentence: string, cause?: unknown): Fault {
  return new Fault('cli_usage', `policy: ${sentence}`, {
    cause,
    hint: 'Run `azure-storage-drone policy --help`.',
  })
}
