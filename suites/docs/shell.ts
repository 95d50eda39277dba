// The shell blocks of a page as one bash script: each command between marks that carry its exit code, so
// that what it printed can be compared with what the page shows.
import type { PageBlock } from '../../site/page.ts'

/** A command of a block, and the output that the page shows for it, if it shows any. */
export type Command = { text: string; shown: string; line: number; isScript?: true }

/** Languages of blocks that are commands. */
export const shellLanguages: ReadonlySet<string> = new Set(['sh', 'bash', 'console'])

/** The reason a page gives for not running a block; undefined when it is to be run. */
export function readReason({ note }: PageBlock): string | undefined {
  return /^not run: (.+)$/s.exec(note)?.[1]
}

/** What the output of a block that stays in the background has to contain before the page goes on. */
export function readReadyText({ note }: PageBlock): string | undefined {
  return /^in the background until: (.+)$/.exec(note)?.[1]
}

/** The commands of a block: one for `sh`, one for each `$` of `console`. */
export function readCommands({ language, text, line }: PageBlock): Command[] {
  if (language !== 'console') return [{ text, shown: '', line, isScript: true }]
  const commands: Command[] = []
  let isOpen = false
  for (const each of text.split('\n')) {
    const last = commands.at(-1)
    if (isOpen && last) last.text += `\n${each.replace(/^> /, '')}`
    else if (each.startsWith('$ ')) commands.push({ text: each.slice(2), shown: '', line })
    else if (last) last.shown += `${each}\n`
    isOpen = (isOpen || each.startsWith('$ ')) && each.endsWith('\\')
  }
  return commands
}

const mark = '@@docs'

// Whole groups, for npm is the parent of what it runs; they are waited for, as they may remove files still.
const endKept = `end_kept() {
  local pid
  for pid in "\${kept[@]:-}"; do
    [[ -n $pid ]] || continue
    kill -TERM -- "-$pid" 2>/dev/null
    for _ in {1..100}; do kill -0 -- "-$pid" 2>/dev/null || break; sleep 0.1; done
  done
}
trap end_kept EXIT`

/** The script; `folder` is where the output of blocks in the background goes. */
export function writeScript(blocks: readonly PageBlock[], folder: string): string {
  const lines = ['set -uo pipefail', 'kept=()', endKept]
  for (const [index, block] of blocks.entries()) {
    const ready = readReadyText(block)
    if (ready === undefined) lines.push(...readCommands(block).map((command) => wrap(command)))
    else lines.push(keepRunning(block.text, ready, `${folder}/background-${index}.log`))
  }
  return `${lines.join('\n')}\n`
}

// The exit code is there for the next command to ask for. Of several commands in one block each has to end well.
function wrap({ text, isScript }: Command): string {
  const body = isScript ? `set -e\n${text.trimEnd()}\nset +e` : text.trimEnd()
  return `{\n${body}\n} 2>&1\ncode=$?; printf '\\n${mark} %s %s\\n' "$code" "$SECONDS"; (exit "$code")`
}

function keepRunning(text: string, ready: string, log: string): string {
  return `setsid bash -c ${quote(text)} >${quote(log)} 2>&1 & kept+=("$!")
for _ in {1..600}; do grep -qF ${quote(ready)} ${quote(log)} && break; kill -0 "\${kept[-1]}" 2>/dev/null || break; sleep 0.1; done
grep -qF ${quote(ready)} ${quote(log)}; code=$?; cat ${quote(log)}; printf '\\n${mark} %s %s\\n' "$code" "$SECONDS"`
}

/** What each command printed and ended with, in order; the one at which the shell ended has the exit code -1. */
export function readOutcomes(output: string): { printed: string; exit: number; second: number }[] {
  const parts = output.split(new RegExp(`^${mark} (\\d+) (\\d+)\\n`, 'm'))
  const outcomes = []
  for (let index = 0; index < parts.length; index += 3) {
    outcomes.push({
      printed: parts[index] ?? '',
      exit: Number(parts[index + 1] ?? -1),
      second: Number(parts[index + 2] ?? 0),
    })
  }
  return outcomes
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
