// The simulator: may such a build do this there? Asked of the policy in force by the functions that decide
// for real builds, with the reason for every entry. It changes nothing, so the question is an address.
import { html } from 'hono/html'

import { Fault } from '../core/fault.ts'
import { explain, isAllowed, type EntryAnswer } from '../policy/explain.ts'
import { isVerb, verbs } from '../policy/grant.ts'
import type { Place } from '../policy/place.ts'
import { toBuild, wordsSchema } from '../policy/words.ts'
import type { Html, Page, View } from './layout.ts'
import { card, input, note, select } from './parts.ts'
import type { PolicyFacts } from './policy-facts.ts'
import type { Ask, Sources } from './sources.ts'
import { chip, chipOf, sayMany } from './words.ts'

const events = ['push', 'tag', 'pull_request', 'promote', 'rollback', 'cron', 'custom']
const shownEntries = 100

/** Shows the form and, once it was sent, the answer. */
export function showSimulator({ facts }: Sources, _view: View, ask: Ask): Promise<Page> {
  const known = facts()
  return Promise.resolve({
    title: 'Simulator',
    lead: 'May such a build do this there? Answered by the policy in force, as for a real build.',
    body: html`${card('Question', questionForm(known, ask))}
    ${ask.query('repository') === undefined ? '' : answer(known, ask)}`,
  })
}

function questionForm({ policy }: PolicyFacts, ask: Ask): Html {
  const [example] = [...policy.entries.values()].flatMap(({ subjects }) => subjects)
  return html`<form class="stacked" action="/simulator">
    ${input('repository', 'Repository', ask.query('repository'), { placeholder: example?.repository ?? 'octo/web', isRequired: true })}
    ${select('event', 'Event', events, ask.query('event') ?? 'push')}
    ${input('ref', 'Ref', ask.query('ref'), { placeholder: 'refs/heads/main' })}
    ${select('verb', 'Verb', verbs, ask.query('verb'))}
    ${input('place', 'Place', ask.query('place'), { placeholder: 'account/container/path' })}
    ${input('source', 'Source repository', ask.query('source'), { placeholder: 'of a pull request' })}
    ${input('target', 'Deployment target', ask.query('target'))}
    ${input('cron', 'Cron job', ask.query('cron'))}
    ${input('instance', 'CI server', ask.query('instance'), { placeholder: example?.instance ?? '' })}
    ${input('repository_id', 'Repository id', ask.query('repository_id'), { placeholder: 'from the policy' })}
    <button class="main">Ask</button>
  </form>`
}

function answer(known: PolicyFacts, ask: Ask): Html {
  const question = readQuestion(known, ask)
  const build = toBuild(question.words)
  const { entries, trustClass } = explain(known.policy, build, { place: question.place })
  const isYes = isAllowed({ entries, trustClass })
  const what = question.place
    ? `${question.place.verb ?? 'reach'} ${question.place.account}/${question.place.container}/${question.place.path}`
    : 'get an identity'
  const who = `A ${build.event} of ${build.repository.slug} at ${build.ref} counts as ${trustClass}.`
  const near = entries.filter(({ code }) => code !== 'policy_repository_denied')
  const others = entries.length - near.length
  const shown = near.toSorted((one, other) => rank(one) - rank(other)).slice(0, shownEntries)
  return html`${note(isYes ? 'good' : 'bad', isYes ? `Yes, it may ${what}` : `No, it may not ${what}`, who)}
  ${card(
    'Why',
    html`${
      shown.length === 0
        ? ''
        : html`<ol class="timeline">
            ${shown.map((each) => showAnswer(each))}
          </ol>`
    }
    ${
      others === 0
        ? ''
        : html`<p class="muted">
            ${sayMany(others, 'entry trusts', 'entries trust')} other repositories only.
          </p>`
    }`,
    html`<span class="muted">the nearest entries first</span>`,
  )}`
}

function showAnswer({ entry, mode, code, sentence, subject, identity, place }: EntryAnswer): Html {
  const isCovered =
    code === 'admitted' && mode === 'enforce' && (!place || place.code === 'covered')
  return html`<li class="${isCovered ? 'allow' : code === 'admitted' ? 'info' : 'deny'}">
    <div class="body">
      <div class="what">
        <strong><a href="/policies/${encodeURIComponent(entry)}">${entry}</a></strong>
        ${code === 'admitted' ? chip('good', '✓ admits') : chip('plain', code)}
        ${mode === 'audit' ? chipOf('audit') : ''}
        ${place?.enforcedBy === undefined ? '' : chipOf(place.enforcedBy)}
      </div>
      <span>${sentence}</span>
      ${place ? html`<span>${place.sentence}${place.code === 'covered' ? '' : html` <code>${place.code}</code>`}</span>` : ''}
      ${subject === undefined ? '' : html`<small>becomes ${identity} as <code>${subject}</code></small>`}
    </div>
  </li>`
}

// Entries that admit first, then those that failed at a later field.
function rank({ code, place, mode }: EntryAnswer): number {
  if (code !== 'admitted') return 3
  if (place && place.code !== 'covered') return 2
  return mode === 'audit' ? 1 : 0
}

function readQuestion({ policy }: PolicyFacts, ask: Ask) {
  const repository = ask.query('repository') ?? ''
  const trusted = [...policy.entries.values()].flatMap(({ subjects }) => subjects)
  const same = trusted.find((each) => each.repository === repository)
  const words = wordsSchema.safeParse({
    repository,
    instance: ask.query('instance') ?? same?.instance ?? trusted[0]?.instance ?? 'ci',
    // What nobody knows is no repository's id.
    repository_id: ask.query('repository_id') ?? same?.repositoryId ?? 'unknown',
    event: ask.query('event') ?? 'push',
    ref: ask.query('ref'),
    source: ask.query('source'),
    target: ask.query('target'),
    cron: ask.query('cron'),
  })
  if (!words.success) {
    const names = words.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw new Fault(
      'dashboard_question_invalid',
      `The question cannot be asked: ${names.join('; ')}.`,
    )
  }
  return { words: words.data, place: readPlace(ask) }
}

function readPlace(ask: Ask): Place | undefined {
  const [text, verb] = [ask.query('place'), ask.query('verb')]
  if (text === undefined) return undefined
  const [account = '', container = '', ...path] = text.split('/')
  if (account === '' || container === '') {
    throw new Fault('dashboard_question_invalid', 'A place is written as account/container/path.')
  }
  return {
    account,
    container,
    path: path.join('/'),
    ...(verb !== undefined && isVerb(verb) && { verb }),
  }
}
