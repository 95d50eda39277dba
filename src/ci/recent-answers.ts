// A witness's answers, kept for seconds: so that an ended build is known as one soon, and its server
// is not asked by every step.
import type { Build } from './build.ts'

/** What the server says of the build that somebody claims; undefined when it knows no such build. */
export type BuildApi = (claimed: Build) => Promise<Build | undefined>

/** Seconds an answer is believed, counted from the moment it was asked for. */
export const freshForSeconds = 3

const maxAnswers = 1000

type Answer = { askedAt: number; build: Promise<Build | undefined> }

/** The same witness, asked once in `freshForSeconds` for each build; trouble and "none such" are not kept. */
export function keepRecentAnswers({ now }: { now: () => Date }, ask: BuildApi): BuildApi {
  const answers = new Map<string, Answer>()
  return (claimed) => {
    const key = `${claimed.repository.slug}#${claimed.number}`
    const known = answers.get(key)
    const askedAt = now().getTime()
    const ageMilliseconds = known ? askedAt - known.askedAt : Infinity
    // A clock that was set back must not make an answer immortal.
    if (known && ageMilliseconds >= 0 && ageMilliseconds < freshForSeconds * 1000) {
      return known.build
    }
    const answer = { askedAt, build: ask(claimed) }
    answers.delete(key)
    answers.set(key, answer)
    const [oldest] = answers.keys()
    if (answers.size > maxAnswers && oldest !== undefined) answers.delete(oldest)
    // Only a word is worth keeping: after trouble the next question is asked again.
    const forget = () => {
      if (answers.get(key) === answer) answers.delete(key)
    }
    answer.build.then((build) => build ?? forget(), forget)
    return answer.build
  }
}
