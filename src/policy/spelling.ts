// "Did you mean": the nearest known word, for keys and values a person mistyped.

/** The known word a text is most likely meant to be; undefined when none is near. */
export function suggest(text: string, known: Iterable<string>): string | undefined {
  if (text.length > 64) return undefined
  const folded = fold(text)
  let best: { word: string; distance: number } | undefined
  for (const word of known) {
    const distance = fold(word) === folded ? 0 : distanceOf(folded, fold(word))
    const limit = Math.max(1, Math.floor(Math.min(text.length, word.length) / 3))
    if (distance <= limit && distance < (best?.distance ?? Infinity)) best = { word, distance }
  }
  return best?.word
}

/** The suggestion as the end of a sentence; empty when there is none. */
export function didYouMean(text: string, known: Iterable<string>): string {
  const word = suggest(text, known)
  return word === undefined ? '' : `; did you mean "${word}"?`
}

/** A text as a sentence can quote it: on one line, no control characters, not too long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text)
}

function fold(word: string): string {
  return word.toLowerCase().replaceAll(/[_\-. ]/g, '')
}

// Optimal string alignment: insertions, deletions, replacements and swapped neighbours cost one each.
function distanceOf(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > 8) return Infinity
  let beforeLast: number[] = []
  let last = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row += 1) {
    const next = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1]
      const isSwap = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      next.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (next[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + (isSame ? 0 : 1),
          isSwap ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
        ),
      )
    }
    beforeLast = last
    last = next
  }
  return last[other.length] ?? Infinity
}
