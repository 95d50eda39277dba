// Reference pages of the policy file, the command line and exit codes, and the list of all pages.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { toJsonSchema } from '../../src/policy/file-form.ts'
import { listKeys, type Schema, writeTable } from './schema-table.ts'

/** The page of the policy file, from its JSON Schema. */
export function writePolicyPage(): string {
  const rows = listKeys(toJsonSchema() as Schema).map(({ path, form, otherwise, meaning }) => [
    `\`${path}\``,
    meaning,
    form,
    otherwise,
  ])
  return `# The policy file

Every key, made from the [JSON Schema](../../schemas/policy.v1.schema.json) that editors complete with. \`NAME\` stands for a
name of your own, \`[]\` for each item of a list. What they mean together, with examples: [the policy file](../policy.md).

${writeTable(['key', 'meaning', 'form', 'when left out'], rows)}
`
}

/** The page of the command line: what each command itself says with `--help`. */
export async function writeCommandsPage(root: string): Promise<string> {
  const whole = (await readHelp(root, [])) ?? ''
  // The first words of the lines, such as `serve` and `upload|download`.
  const words = [...whole.matchAll(/^ {2}([a-z]+(?:\|[a-z]+)*) /gm)].flatMap(
    (match) => match[1]?.split('|') ?? [],
  )
  const texts = await Promise.all(words.map((word) => readHelp(root, [word])))
  const chapters = ['', ...words].flatMap((word, index) => {
    const text = index === 0 ? whole : texts[index - 1]
    const title = `azure-storage-drone ${word}`.trimEnd()
    return text === undefined ? [] : [`## ${title}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\``]
  })
  return `# The command line

What every command says when asked with \`--help\`. Exit codes are the same everywhere: [exit codes](exit-codes.md).

${chapters.join('\n\n')}
`
}

// Undefined for a command that has no help of its own: the first text says all of it.
async function readHelp(root: string, command: readonly string[]): Promise<string | undefined> {
  const args = [`${root}bin/cli.ts`, ...command, '--help']
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
    return stdout
  } catch {
    return undefined
  }
}

/** The page of exit codes. */
export function writeExitCodesPage(): string {
  const rows = [
    ['0', 'done', ''],
    [
      '2',
      'usage or configuration',
      'Correct the command, the setting or the file; trying again changes nothing',
    ],
    ['3', 'denied', 'Somebody has to permit it: the policy, Entra or the account'],
    ['4', 'absent or in conflict', 'Something is missing, or something is there already'],
    [
      '5',
      'trouble elsewhere',
      'Try again: network, Entra, storage, the trust service, a full disk',
    ],
    ['6', 'integrity, or findings', 'Damaged bytes; a check that found something'],
    ['70', 'a defect of ours', 'Please report it, with the log'],
  ]
  return `# Exit codes

The same for the step and for every command. Those of \`policy\` mean a little more, and are told
[with its commands](../policy.md#commands); \`exec\` ends as the tool did that it ran.

${writeTable(['code', 'meaning', 'what to do'], rows)}
`
}

/** The page that lists all of them. */
export function writeIndexPage(): string {
  return `# Reference

Made from the sources by \`npm run generate\`; a test fails while a page is out of date.

- [Settings of the step](../plugin.md#settings)
- [The command line](cli.md)
- [Exit codes](exit-codes.md)
- [Faults](faults.md): every message with its code, and what to do
- [The policy file](policy.md), and [trust classes case by case](../trust-classes.md)
- [Configuration of the trust service](configuration.md)
- [HTTP interface](api.md)
- [Metrics](metrics.md)
- [Events of the ledger](events.md)
`
}
