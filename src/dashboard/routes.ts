// Every page and every form with the least role that may have it. The one list that the application
// serves and that the tests walk through.
import type { Role } from '../core/role.ts'
import { exportChain, showAudit } from './audit-page.ts'
import { showBuild } from './build-page.ts'
import { showBuilds } from './builds-page.ts'
import { showEvents } from './events-page.ts'
import { showFindings } from './findings-page.ts'
import { showIdentities } from './identities-page.ts'
import type { Page, View } from './layout.ts'
import { showOverview } from './overview-page.ts'
import { showPolicies } from './policies-page.ts'
import { showPolicy } from './policy-page.ts'
import { search } from './search-page.ts'
import { showSimulator } from './simulator-page.ts'
import type { Ask, Sources } from './sources.ts'
import { showStorage } from './storage-page.ts'
import { holdTrialOf, rotateKeys, showTrust } from './trust-page.ts'

/** What a route answers: a page, another path to go to, or a download. */
export type Answer = Page | string | Response

/** A page that is read. */
export type Reading = {
  path: string
  least: Role
  show: (sources: Sources, view: View, ask: Ask) => Promise<Answer>
}

/** A form that is sent; `did` says what for the ledger. */
export type Sending = {
  path: string
  least: Role
  did: string
  act: (sources: Sources, view: View, form: URLSearchParams) => Promise<Answer>
}

/** Pages. */
export const readings: readonly Reading[] = [
  { path: '/', least: 'viewer', show: showOverview },
  { path: '/builds', least: 'viewer', show: showBuilds },
  { path: '/builds/:instance/:id', least: 'viewer', show: showBuild },
  { path: '/identities', least: 'viewer', show: showIdentities },
  { path: '/policies', least: 'viewer', show: showPolicies },
  { path: '/policies/:entry', least: 'viewer', show: showPolicy },
  { path: '/simulator', least: 'viewer', show: showSimulator },
  { path: '/storage', least: 'viewer', show: showStorage },
  { path: '/findings', least: 'viewer', show: showFindings },
  { path: '/events', least: 'viewer', show: showEvents },
  { path: '/audit', least: 'viewer', show: showAudit },
  { path: '/audit/export', least: 'auditor', show: downloadChain },
  { path: '/trust', least: 'viewer', show: (sources, view) => showTrust(sources, view) },
  { path: '/search', least: 'viewer', show: search },
]

/** Forms. */
export const sendings: readonly Sending[] = [
  {
    path: '/audit/verify',
    least: 'auditor',
    did: 'verified the ledger',
    act: async ({ verification }) => {
      await verification.run()
      return '/audit'
    },
  },
  {
    path: '/trust/rotate',
    least: 'admin',
    did: 'ordered a rotation',
    act: async (sources, { session }, form) => {
      await rotateKeys(sources, session.name, form)
      return '/trust'
    },
  },
  {
    path: '/trust/trial',
    least: 'admin',
    did: 'held a trial',
    act: async (sources, view, form) =>
      showTrust(sources, view, await holdTrialOf(sources, view.session.name, form)),
  },
]

function downloadChain(sources: Sources, _view: View, ask: Ask): Promise<Answer> {
  const node = ask.query('node') ?? ''
  const name = `ledger-${node.replaceAll(/[^\w.-]/g, '_')}.jsonl`
  return Promise.resolve(
    new Response(exportChain(sources, node), {
      headers: {
        'content-type': 'application/jsonl',
        'content-disposition': `attachment; filename="${name}"`,
      },
    }),
  )
}
