// The audit page: how far each chain was verified, verifying it now, taking it away, and the newest
// checkpoints; and the export itself, record by record as it lies in the ledger.
import { html } from 'hono/html'

import { isAtLeast } from '../core/role.ts'
import type { Progress } from '../trail/trail.ts'
import { eventTable } from './events-page.ts'
import { formTokenField, type Html, type Page, type View } from './layout.ts'
import { card, empty, facts, note, table, tableCard, withQuery } from './parts.ts'
import type { Sources, Verification } from './sources.ts'
import { chip, copyable, sayCount, sayMany, shortHash, when } from './words.ts'

const exportPage = 1000

/** Shows the chains and what is known of them. */
export async function showAudit(sources: Sources, view: View): Promise<Page> {
  const { trail, store, verification } = sources
  const [chains, progress, checkpoints] = await Promise.all([
    store.listChains(),
    trail.progress(),
    trail.events({ type: 'ledger.checkpoint', limit: 10 }),
  ])
  const verified = verification.last()
  const isAuditor = isAtLeast(view.session.role, 'auditor')
  return {
    title: 'Audit',
    lead: 'Every record carries the hash of the one before it, so nothing can be changed or taken out unseen.',
    body: html`${showVerified(view, verified)}
      ${tableCard(
        {
          title: 'Chains',
          more: `${sayMany(chains.length, 'chain')}, one for each node that writes`,
        },
        table(
          'Chains of the ledger',
          [
            { name: 'Node' },
            { name: 'Records', kind: 'num' },
            { name: 'Verified to', kind: 'num' },
            { name: 'In these pages', kind: 'num less' },
            { name: 'Hash of its end', kind: 'less' },
            { name: 'Export' },
          ],
          chains.map(({ node, seq, hash }) => [
            html`${node}`,
            html`${sayCount(seq)}`,
            html`${sayVerified(verified, node)}`,
            html`${sayFollowed(progress, node)}`,
            shortHash(hash, `the end of ${node}`),
            isAuditor
              ? html`<a href="${withQuery('/audit/export', { node })}" download
                  >JSON lines<span class="visually-hidden"> of ${node}</span></a
                >`
              : html`<span class="muted">for auditors</span>`,
          ]),
        ),
      )}
      <div class="grid">
        ${card('Verify', isAuditor ? verifyForm(view) : html`<p class="muted">Auditors and admins can verify the ledger from here.</p>`)}
        ${card('On the command line', commands())}
      </div>
      ${tableCard(
        { title: 'Newest checkpoints', more: 'what each node saw of the others' },
        checkpoints.items.length === 0
          ? empty('No checkpoint yet', 'One is written each minute in which something happened.')
          : eventTable(view, checkpoints.items),
      )}`,
  }
}

/** The records of one chain as JSON lines, as they are kept; throws store_unavailable while it is read. */
export function exportChain(
  { store }: Pick<Sources, 'store'>,
  node: string,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let next = 1
  return new ReadableStream({
    pull: async (controller) => {
      const rows = await store.readLedger(node, next, exportPage)
      next += rows.length
      if (rows.length > 0) {
        controller.enqueue(encoder.encode(rows.map(({ record }) => `${record}\n`).join('')))
      }
      if (rows.length < exportPage) controller.close()
    },
  })
}

function showVerified({ now }: View, verified: Verification | undefined): Html {
  if (!verified) {
    return note(
      'warn',
      'Not verified by this process',
      'Its start verified only what was new. Verify it below.',
    )
  }
  if (verified.trouble !== undefined) {
    return note('bad', 'A chain is broken', html`${verified.trouble} ${when(now, verified.at)}`)
  }
  const count = verified.chains.reduce((sum, { seq }) => sum + seq, 0)
  return note('good', `${sayMany(count, 'record')} verified`, html`${when(now, verified.at)}`)
}

function sayVerified(verified: Verification | undefined, node: string): Html {
  const chain = verified?.chains.find((each) => each.node === node)
  return chain ? html`${sayCount(chain.seq)}` : chip('warn', 'not yet')
}

function sayFollowed(progress: readonly Progress[], node: string): string {
  const chain = progress.find((each) => each.node === node)
  return chain ? sayCount(chain.followedTo) : '0'
}

function verifyForm(view: View): Html {
  return html`<p>Reads every record of every chain and holds it against its hash, in one go.</p>
    <form method="post" action="/audit/verify">
      ${formTokenField(view)}
      <button class="main">Verify the ledger now</button>
    </form>`
}

function commands(): Html {
  return facts([
    ['Verify without the service', copyable('azure-storage-drone audit verify', 'the command')],
    ['Prove one build', copyable("azure-storage-drone audit prove 'octo/web#17'", 'the command')],
    ['Other formats', copyable('azure-storage-drone audit export --help', 'the command')],
  ])
}
