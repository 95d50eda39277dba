// Compares what a command prints with what a page shows, by shape: each line that is shown has to come,
// in this order; numbers, ids, digests and ports are any, and … stands for any text.

/** The first line that is shown and did not come; undefined when all did. */
export function findMissingLine(shown: string, printed: string): string | undefined {
  const lines = plainLines(printed)
  let at = 0
  for (const line of plainLines(shown)) {
    if (line === '…') continue
    const form = toPattern(line)
    const found = lines.findIndex((each, index) => index >= at && form.test(each))
    if (found < 0) return line
    at = found + 1
  }
  return undefined
}

function plainLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function toPattern(line: string): RegExp {
  const parts = line.split('…').map((part) =>
    part
      .split(variablePart)
      .map((piece, index) => (index % 2 === 0 ? escape(piece) : valuePattern))
      .join(''),
  )
  return new RegExp(`^${parts.join('.*')}$`, 'u')
}

// GUIDs and digests first, then times, sizes and other numbers.
const variablePart = /(\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\b\d[\d.,:]*)/

const valuePattern = String.raw`[0-9a-f][0-9a-f.,:-]*`

function escape(text: string): string {
  return RegExp.escape(text).replaceAll(/(?:\\x20| )+/g, ' +')
}
