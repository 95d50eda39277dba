// Writes docs/trust-classes.md from the cases the tests of src/identity run on (`node bin/generate.ts`).
import { sampleBuild } from '../src/ci/build.fixture.ts'
import type { Build } from '../src/ci/build.ts'
import { Fault } from '../src/core/fault.ts'
import { toSubject } from '../src/identity/subject.ts'
import { trustCases } from '../src/identity/trust-cases.fixture.ts'
import { classify } from '../src/identity/trust-class.ts'
import { decideAlone } from '../src/policy/decide.ts'
import { parsePolicy } from '../src/policy/schema.ts'

const subjects = (events: string, refs: string) => `
    subjects:
      - instance: ci-main
        repository: octo/hello
        repository_id: '42'
        events: [${events}]
        refs: [${refs}]`

const entry = (name: string, identity: string, events: string, refs: string) => `
  - name: ${name}${subjects(events, refs)}
    identity: ${identity}
    audiences: [api://AzureADTokenExchange]`

const identity = (name: string, digit: number) => `
  ${name}:
    tenant_id: 11111111-2222-4333-8444-555555555555
    client_id: aaaaaaaa-bbbb-4ccc-8ddd-00000000000${digit}`

const samplePolicy = `version: 1
identities:${identity('artifacts', 1)}${identity('production', 2)}${identity('reader', 3)}
policies:${entry('publish', 'artifacts', 'push', 'refs/heads/main')}${entry('release', 'artifacts', 'tag', 'refs/tags/v*')}${entry('nightly', 'artifacts', 'cron', 'refs/heads/main')}${entry('deploy', 'production', 'promote, rollback', 'refs/heads/main, refs/tags/v*')}${entry('review', 'reader', 'pull_request', 'refs/pull/**')}
`

const head = `# Trust classes

What a build may pass for, and what it is called. Generated from the cases that the tests run on
(\`src/identity/trust-cases.fixture.ts\`) by \`node bin/generate.ts\`; a test fails while this page is out of date.

The class comes from the event, the ref, the source repository, what started the build and the caller's
parameters together, because each of them alone can be chosen by somebody without the right to it. Every case
is an ordinary push to \`refs/heads/main\` of \`octo/hello\` (id 42, GitHub, started by the hook) with the named
facts changed.

- **source**: the repository the code comes from, as Drone names it. On a pull request an empty one is a deleted repository.
- **started by**: \`@hook\` the source-code host, \`@cron\` the schedule, otherwise the login of a person;
  \`restart\` where the build names a parent.
- **params**: whether the caller added parameters, which become variables of every step.
- **subject**: the \`sub\` of its ID token where a policy entry has \`subject: repository\`; \`…\` stands for
  \`repo:octo/hello@42\`.
- **decision**: the entry of the policy below that admits it, or the code of the refusal.

\`\`\`yaml
${samplePolicy}\`\`\`

`

/** The whole page. */
export function writeTrustPage(): string {
  const policy = parsePolicy(samplePolicy)
  const columns = ['case', 'event', 'ref', 'source', 'started by', 'target or cron', 'params']
  const rows = trustCases.map(([title, changes]) => {
    const build = sampleBuild(changes)
    const trustClass = classify(build)
    const subject = trustClass
      ? toSubject(build, trustClass).replace('repo:octo/hello@42', '…')
      : ''
    return [
      title,
      code(build.event),
      code(build.ref),
      build.scm === 'github'
        ? code(build.sourceRepository)
        : `${code(build.sourceRepository)} (${build.scm})`,
      code(build.trigger) + (build.parent > 0 ? ', restart' : ''),
      code(build.deployTo || build.cron),
      build.parameterNames.length > 0 ? 'yes' : '',
      trustClass ? code(trustClass) : 'none',
      code(subject),
      decision(policy, build),
    ]
  })
  const header = [...columns, 'class', 'subject', 'decision']
  const lines = [header, header.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.join(' | ')} |\n`,
  )
  return head + lines.join('')
}

function decision(policy: ReturnType<typeof parsePolicy>, build: Build): string {
  try {
    return `**${decideAlone(policy, build).entry.name}**`
  } catch (error) {
    if (error instanceof Fault) return code(error.code)
    throw error
  }
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}
