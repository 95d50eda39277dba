// Keys and trust: the signing keys and their rotation, trials of a subject, and the last review. What
// changes something is for admins, and on the ledger.
import { html } from 'hono/html'

import { Fault } from '../core/fault.ts'
import { isAtLeast } from '../core/role.ts'
import { trialRequestSchema, type TrialAnswer } from '../trust/admin-api.ts'
import { formTokenField, type Html, type Page, type View } from './layout.ts'
import { card, facts, input, note, table, tableCard } from './parts.ts'
import type { Sources } from './sources.ts'
import { chip, chipOf, copyable, when, type Mood } from './words.ts'

const moods: Readonly<Record<'next' | 'active' | 'retired', Mood>> = {
  next: 'accent',
  active: 'good',
  retired: 'plain',
}

/** Shows the keys, and the forms to those who may send them. */
export async function showTrust(sources: Sources, view: View, trial?: TrialAnswer): Promise<Page> {
  const review = await sources.lastReview()
  const isAdmin = isAtLeast(view.session.role, 'admin')
  return {
    title: 'Keys and trust',
    lead: 'What tokens are signed with, and whether Azure trusts them as the policy says.',
    body: html`${trial ? showTrial(trial) : ''}
    ${tableCard({ title: 'Signing keys', more: 'a key signs only after the world could read it for a day' }, keyTable(sources, view))}
    ${isAdmin ? forms(view) : note('plain', 'Changes are for admins', 'You can read everything here.')}
    ${card(
      'Last review of trust',
      review
        ? facts([
            ['When', when(view.now, new Date(review.at))],
            ['By', review.by],
            [
              'Found',
              `${review.errors} errors, ${review.warnings} warnings, ${review.notes} notes`,
            ],
            ['Tenant', html`<code>${review.tenantId}</code>`],
            ['Of the policy', copyable(review.policySha256, 'the hash of the policy')],
          ])
        : html`<p>
            There was none. <code>azure-storage-drone trust review --service URL</code> compares
            Azure with the policy and records it here.
          </p>`,
    )}`,
  }
}

/** Orders the next key, or a change at once. */
export async function rotateKeys(
  sources: Sources,
  admin: string,
  form: URLSearchParams,
): Promise<void> {
  const isEmergency = form.get('emergency') === 'yes'
  await sources.orders.rotate({ isEmergency }, admin)
}

/** Holds the trial of a form; throws dashboard_question_invalid and the faults of trials. */
export async function holdTrialOf(
  sources: Sources,
  admin: string,
  form: URLSearchParams,
): Promise<TrialAnswer> {
  const request = trialRequestSchema.safeParse({
    entry: form.get('entry')?.trim(),
    subject: form.get('subject')?.trim(),
    ...(form.get('write') === 'yes' && { write: true }),
  })
  if (request.success) return sources.orders.holdTrial(request.data, admin)
  throw new Fault('dashboard_question_invalid', 'A trial needs an entry and a subject.')
}

function keyTable(sources: Sources, { now }: View): Html {
  return table(
    'Signing keys',
    [
      { name: 'Key' },
      { name: 'State' },
      { name: 'Made', kind: 'less' },
      { name: 'What comes next' },
    ],
    sources
      .keys()
      .map(({ kid, state, createdAt, rotatesAt, removableAt }) => [
        copyable(kid, 'the key id'),
        chip(moods[state], state),
        when(now, new Date(createdAt)),
        removableAt === undefined
          ? html`${rotatesAt === undefined ? 'waits to be published' : html`${state === 'next' ? 'signs' : 'is replaced'} ${when(now, new Date(rotatesAt))}`}`
          : html`may be removed ${when(now, new Date(removableAt))}`,
      ]),
  )
}

function forms(view: View): Html {
  return html`<div class="grid">
    ${card(
      'Rotate',
      html`<p>Makes the next key now; it signs once the world could read it for a day.</p>
        <form class="fields" method="post" action="/trust/rotate">
          ${formTokenField(view)}
          <button>Make the next key</button>
        </form>
        <p class="muted">
          In an emergency it signs at once, and clouds that have not read it refuse tokens for up to
          half an hour.
        </p>
        <form class="fields" method="post" action="/trust/rotate">
          ${formTokenField(view)}
          <label class="check"
            ><input type="checkbox" name="emergency" value="yes" required /> A key is lost or
            stolen</label
          >
          <button class="danger">Change the key at once</button>
        </form>`,
    )}
    ${card(
      'Try a subject',
      html`<p>Mints, exchanges and probes inside the service. Only the verdict leaves it.</p>
        <form class="stacked" method="post" action="/trust/trial">
          ${formTokenField(view)} ${input('entry', 'Policy entry', '', { isRequired: true })}
          ${input('subject', 'Subject', '', { placeholder: 'repo:octo/web@42:ref:refs/heads/main', isRequired: true })}
          <label class="check"
            ><input type="checkbox" name="write" value="yes" /> write a probe too</label
          >
          <button>Hold the trial</button>
        </form>`,
    )}
  </div>`
}

function showTrial({ verdict, sentence, hint, subject, jti, steps }: TrialAnswer): Html {
  const mood = verdict === 'works' ? 'good' : verdict === 'not_yet' ? 'warn' : 'bad'
  return html`${note(mood, `${verdict.replace('_', ' ')}: ${sentence}`, hint)}
  ${tableCard(
    { title: 'The trial', more: html`<code>${subject}</code>` },
    table(
      'Steps of the trial',
      [{ name: 'Step' }, { name: 'Outcome' }, { name: 'What was said' }],
      steps.map(({ what, place, outcome, sentence: said, code }) => [
        html`${what}${place === undefined ? '' : html`<small><code>${place}</code></small>`}`,
        outcome === 'ok' ? chip('good', '✓ ok') : chipOf(outcome),
        html`${said ?? ''}${code === undefined ? '' : html`<small><code>${code}</code></small>`}`,
      ]),
    ),
    html`<div class="pager"><span>Token id ${copyable(jti, 'the token id')}</span></div>`,
  )}`
}
