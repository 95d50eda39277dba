// Findings: what lint says of the policy in force, what the last review of trust counted, and what the
// service warns of.
import { html } from 'hono/html'

import type { Html, Page, View } from './layout.ts'
import { card, empty, facts, note, table, tableCard } from './parts.ts'
import type { Sources } from './sources.ts'
import { chip, chipOf, copyable, sayCount, sayMany, when } from './words.ts'

const shownRows = 50

/** Shows all findings. */
export async function showFindings(sources: Sources, view: View): Promise<Page> {
  const { report, policy } = sources.facts()
  const [health, review] = await Promise.all([sources.health(), sources.lastReview()])
  const verified = sources.verification.last()
  const notices = policy.notices ?? []
  const gateway = report.grants.filter(({ enforcedBy }) => enforcedBy === 'gateway')
  return {
    title: 'Findings',
    lead: 'What deserves a second look: in the policy, in Azure, and in this service.',
    body: html`${verified?.trouble === undefined ? '' : note('bad', 'The ledger was changed', verified.trouble)}
    ${health.reasons.map((text) => note('bad', 'Not ready', text))}
    ${health.policy.problem === undefined ? '' : note('bad', 'The policy file is bad; the last good one is in force', health.policy.problem)}
    ${health.notes.map((text) => note('warn', 'To be seen to', text))}
    ${notices.map((text) => note('warn', 'Nothing is issued yet', text))}
    ${tableCard(
      { title: 'In the policy', more: sayMany(report.findings.length, 'finding') },
      report.findings.length === 0
        ? empty(
            'Lint finds nothing',
            'The policy in force says what it should, as far as a program can tell.',
          )
        : findingTable(report.findings),
    )}
    ${card(
      'Last review of trust',
      review
        ? facts([
            ['When', when(view.now, new Date(review.at))],
            ['By', review.by],
            [
              'Errors',
              html`${sayCount(review.errors)}
              ${review.errors > 0 ? chip('bad', 'to be mended') : chip('good', '✓ none')}`,
            ],
            ['Warnings', sayCount(review.warnings)],
            ['Notes', sayCount(review.notes)],
            ['SHA-256 of its report', copyable(review.reportSha256, 'the hash of the report')],
          ])
        : empty(
            'There was none',
            'Run azure-storage-drone trust review --service URL, which compares Azure with the policy.',
          ),
    )}
    ${
      gateway.length === 0
        ? ''
        : tableCard(
            { title: 'Only the gateway can enforce', more: sayMany(gateway.length, 'grant') },
            table(
              'Grants only the gateway can enforce',
              [{ name: 'Grant' }, { name: 'Place' }, { name: 'Why' }],
              gateway
                .slice(0, shownRows)
                .map(({ grant, place, why, enforcedBy }) => [
                  html`${grant}`,
                  html`<code>${place}</code>`,
                  html`${chipOf(enforcedBy)} <small>${why}</small>`,
                ]),
            ),
          )
    }`,
  }
}

function findingTable(findings: ReturnType<Sources['facts']>['report']['findings']): Html {
  return html`${table(
    'Findings in the policy',
    [{ name: 'Entry' }, { name: 'What' }, { name: 'Code', kind: 'less' }],
    findings
      .slice(0, shownRows)
      .map(({ entry, message, code }) => [
        html`<a href="/policies/${encodeURIComponent(entry)}">${entry}</a>`,
        html`${message}`,
        html`<code>${code}</code>`,
      ]),
  )}
  ${findings.length > shownRows ? html`<div class="pager muted">The first ${shownRows}; <code>policy lint</code> has all.</div>` : ''}`
}
