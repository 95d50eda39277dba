// The order in which people meet the pages.

/** A chapter of the navigation, and its pages from the root of the project. */
export type Chapter = { title: string; pages: readonly string[] }

const first: readonly Chapter[] = [
  { title: 'Start', pages: ['README.md', 'docs/tutorial.md', 'examples/README.md'] },
  {
    title: 'How to',
    pages: [
      'docs/how-to/README.md',
      ...names('docs/how-to', 'drone-docker drone-kubernetes drone-exec woodpecker harness aks'),
      ...names('docs', 'install images upgrades exec doctor trust review relying-parties'),
      ...names('docs', 'dashboard trail trace audit troubleshooting'),
    ],
  },
  {
    title: 'Reference',
    pages: [
      ...names('docs/reference', 'README cli exit-codes faults'),
      ...names('docs', 'plugin selecting'),
      'docs/reference/policy.md',
      ...names('docs', 'policy trust-classes'),
      'docs/reference/configuration.md',
      ...names('docs', 'service ci keys'),
      ...names('docs/reference', 'api metrics events'),
      'docs/ledger.md',
    ],
  },
  {
    title: 'Explanation',
    pages: [
      ...names('docs/explain', 'README trust-model threat-model why-not-sas'),
      ...names('docs', 'security comparison performance'),
      'ARCHITECTURE.md',
    ],
  },
]

/** The chapters with the pages that are there; what nobody has placed comes last. */
export function arrange(files: readonly string[]): Chapter[] {
  const placed = new Set(first.flatMap(({ pages }) => pages))
  const others = files.filter((file) => !placed.has(file))
  return [...first, { title: 'Project', pages: others }]
    .map(({ title, pages }) => ({ title, pages: pages.filter((page) => files.includes(page)) }))
    .filter(({ pages }) => pages.length > 0)
}

/** Where a page of the project stands in the site. */
export function toPlace(file: string): string {
  if (file === 'README.md') return 'index.html'
  return file
    .replace(/^docs\//, '')
    .replace(/(^|\/)README\.md$/, '$1index.html')
    .replace(/\.md$/, '.html')
}

function names(folder: string, list: string): string[] {
  return list.split(' ').map((name) => `${folder}/${name}.md`)
}
