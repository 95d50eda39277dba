// What the docker runner makes of a step's output: the card is taken out (runner-go/livelog/extractor), and
// lines of secrets are replaced (runner-go/pipeline/runtime/replacer.go).

/** A card as a step has given it. */
export type TakenCard = { schema: string; data: unknown }

const cardBegin = '\u001B]1338;'
const cardEnd = '\u001B]0m'

/** The log without the card, and the card; a card is only known where a line begins. */
export function splitLog(output: string): { text: string; card?: TakenCard } {
  const lines = output.split(/(?<=\n)/)
  const line = lines.find((each) => each.startsWith(cardBegin))
  if (line === undefined) return { text: output }
  const [encoded = ''] = line.slice(cardBegin.length).split(cardEnd)
  const card = JSON.parse(Buffer.from(encoded, 'base64').toString()) as TakenCard
  return { text: lines.filter((each) => each !== line).join(''), card }
}

const shortestMasked = 2

/** The log with every line of every secret replaced; nothing is done to other forms of them. */
export function maskLines(text: string, secrets: readonly string[]): string {
  const lines = secrets.flatMap((secret) => secret.split('\n').map((line) => line.trim()))
  return lines
    .filter((line) => line.length >= shortestMasked)
    .reduce((masked, line) => masked.replaceAll(line, '******'), text)
}
