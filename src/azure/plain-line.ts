// Text from other machines on its way into a sentence: one line, no control characters (a CI log
// would obey their escape sequences), and not longer than a person reads.

/** The text as one printable line of at most `maxChars` characters. */
export function toPlainLine(text: string, maxChars = 300): string {
  // Bidirectional overrides are as able to fake a log line as control characters are.
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim()
  return line.length > maxChars ? `${line.slice(0, maxChars)}…` : line
}
