// The documentation as its readers meet it: links lead somewhere, commands run, snippets are read by our own
// parsers, reference pages are what the sources say, the site builds, and the tutorial takes minutes.
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { writeSite } from '../site/write-site.ts'
import { messageOf } from '../src/core/fault.ts'
import { runProgram, startProgram } from '../src/demo/program.ts'
import { checkDeployments } from './deploy-checks.ts'
import { runPage, shellBlocks } from './docs/commands.ts'
import { runExamples } from './docs/examples.ts'
import { checkLinks } from './docs/links.ts'
import { readPages, type ReadFile } from './docs/pages.ts'
import { checkSnippet, type SnippetReport } from './docs/snippets.ts'
import { checkProofs } from './docs/titles.ts'
import { runTutorial } from './docs/tutorial.ts'
import { createTally, type SuiteResult } from './suite.ts'

const tutorialSeconds = 600
const fewestProofs = 20

type Scene = {
  pages: readonly ReadFile[]
  folder: string
  check: (holds: boolean, sentence: string) => void
  note: (text: string) => void
  /** Takes in the counts of another suite. */
  add: (other: SuiteResult) => void
}

const parts: Record<string, (scene: Scene) => Promise<void>> = {
  links: checkAllLinks,
  snippets: checkSnippets,
  proofs: checkNamedProofs,
  reference: checkReference,
  site: checkSite,
  commands: checkCommands,
  examples: checkExamples,
  deployments: checkInstallations,
  tutorial: checkTutorial,
}

/** Runs the parts whose names contain `only`; one that cannot go on counts as failed. */
export async function runDocsSuite(only = ''): Promise<SuiteResult> {
  const { check, result } = createTally('docs')
  const folder = mkdtempSync(join(tmpdir(), 'asd-docs-'))
  const note = (text: string) => void result().notes.push(text)
  const add = ({ passed, failed, skipped, notes }: SuiteResult) => {
    const sum = result()
    sum.passed += passed
    sum.failed += failed
    sum.skipped += skipped
    sum.notes.push(...notes)
  }
  try {
    for (const [name, part] of Object.entries(parts)) {
      if (!name.includes(only)) continue
      mkdirSync(join(folder, name))
      const startedAt = performance.now()
      const checkPart: Scene['check'] = (holds, sentence) => check(holds, `${name}: ${sentence}`)
      try {
        const place = join(folder, name)
        await part({ pages: readPages(), folder: place, check: checkPart, note, add })
      } catch (error) {
        checkPart(false, messageOf(error))
      }
      note(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    }
    return result()
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function checkAllLinks({ pages, check, note }: Scene): Promise<void> {
  const { inside, outside, broken } = checkLinks(pages)
  for (const each of broken) check(false, each)
  check(inside > 0 && outside > 0, 'there are links of both kinds')
  note(`links: ${pages.length} pages, ${inside} links inside, ${outside} outside`)
}

async function checkSnippets({ pages, check, note }: Scene): Promise<void> {
  const report: SnippetReport = { kinds: {}, problems: [] }
  for (const { file, blocks } of pages) {
    for (const { language, text, line, note: order } of blocks) {
      if (language !== 'yaml' || order === 'a part') continue
      checkSnippet(`${file}:${line}`, text, report)
    }
  }
  for (const file of globSync('examples/**/{.drone.yml,*.yaml}')) {
    checkSnippet(file, readFileSync(file, 'utf8'), report)
  }
  for (const each of report.problems) check(false, each)
  check((report.kinds['step'] ?? 0) > 0, 'there are steps of ours')
  note(`snippets: ${JSON.stringify(report.kinds)}`)
}

async function checkNamedProofs({ check, note }: Scene): Promise<void> {
  for (const file of ['docs/explain/threat-model.md', 'docs/comparison.md']) {
    const { proofs, missing } = checkProofs(file)
    for (const each of missing) check(false, each)
    check(proofs >= fewestProofs, `${file} names proofs`)
    note(`proofs: ${file} names ${proofs}`)
  }
}

async function checkReference({ check }: Scene): Promise<void> {
  const command = [process.execPath, '--test', '--test-isolation=none', 'test/generated.test.ts']
  const env = { PATH: process.env['PATH'] ?? '' }
  const { exitCode, output } = await runProgram(command, { cwd: process.cwd(), env })
  check(exitCode === 0, `generated pages are up to date: ${output.slice(-2000)}`)
}

async function checkSite({ folder, check, note }: Scene): Promise<void> {
  const { pages, broken } = writeSite(folder)
  for (const each of broken) check(false, `leads nowhere: ${each}`)
  check(pages > 0, 'it has pages')
  const outside = globSync('**/*.{html,css,js}', { cwd: folder }).filter(
    (file) =>
      !file.startsWith('files/') &&
      /(?:src|href)="https?:[^"]*\.(?:css|js|woff2?)"|url\(|@import/.test(
        readFileSync(join(folder, file), 'utf8'),
      ),
  )
  check(outside.length === 0, `nothing is asked of anybody else: ${outside.join(', ')}`)
  note(`site: ${pages} pages`)
}

async function checkExamples({ folder, check, note }: Scene): Promise<void> {
  const { examples, steps, notRun, problems } = await runExamples(folder)
  for (const problem of problems) check(false, problem)
  check(examples > 0 && steps > 0 && problems.length === 0, 'every step of every example ends well')
  note(`examples: ${examples}, ${steps} steps run; parsed only: ${notRun.join(', ')}`)
}

async function checkInstallations({ add }: Scene): Promise<void> {
  add(await checkDeployments())
}

async function checkCommands({ pages, folder, check, note }: Scene): Promise<void> {
  const lab = join(folder, 'lab')
  const program = await startProgram([process.execPath, 'bin/cli.ts', 'lab', 'start', lab], {
    readyWhen: /The lab is ready/,
  })
  const sum = { run: 0, notRun: 0, commands: 0 }
  try {
    for (const page of pages) {
      // The tutorial is a part of its own, from a clean clone.
      if (page.file === 'docs/tutorial.md' || shellBlocks(page).length === 0) continue
      const place = join(folder, page.file.replaceAll('/', '-'))
      const files = ['policy.yaml', 'service.yaml', 'ca.pem'].map((file) => join(lab, file))
      const run = await runPage(page, { folder: place, env: shellVariables(lab), files })
      sum.run += run.run
      sum.notRun += run.notRun
      sum.commands += run.commands
      for (const problem of run.problems) check(false, problem)
      if (run.run > 0) check(run.problems.length === 0, `${page.file} runs`)
    }
  } finally {
    await program.stop()
  }
  const share = Math.round((100 * sum.run) / (sum.run + sum.notRun))
  note(
    `commands: ${sum.run} blocks run (${sum.commands} commands), ${sum.notRun} not run, with a reason each: ${share} % run`,
  )
}

async function checkTutorial({ pages, folder, check, note }: Scene): Promise<void> {
  const page = pages.find(({ file }) => file === 'docs/tutorial.md')
  if (!page) throw new Error('docs/tutorial.md is not there')
  const { run, commands, seconds, problems } = await runTutorial(page, folder)
  for (const problem of problems) check(false, problem)
  check(commands > 0 && problems.length === 0, 'every step does what the page says')
  check(seconds > 0 && seconds < tutorialSeconds, `it takes ${seconds} s, and may take ten minutes`)
  note(
    `tutorial: ${run} blocks, ${commands} commands in ${seconds} s from a clean clone, npm ci included`,
  )
}

// bash takes the lab's variables in by BASH_ENV.
function shellVariables(lab: string): Record<string, string> {
  const path = [join(lab, 'bin'), resolve('node_modules/.bin'), process.env['PATH'] ?? '']
  return {
    PATH: path.join(':'),
    HOME: lab,
    LAB: lab,
    EXAMPLES: resolve('examples'),
    BASH_ENV: join(lab, 'env'),
    LANG: 'C.UTF-8',
  }
}
