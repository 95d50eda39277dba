// A `.drone.yml` as far as the scenarios use it: one docker pipeline, and secrets from an extension.
import { parseAllDocuments } from 'yaml'

/** A step: a plugin with settings, or commands for a shell. */
export type ReplayStep = {
  name: string
  image: string
  settings: Readonly<Record<string, unknown>>
  environment: Readonly<Record<string, unknown>>
  commands: readonly string[]
}

/** What a runner makes of the file. */
export type Pipeline = {
  steps: readonly ReplayStep[]
  environment: Readonly<Record<string, unknown>>
  /** Where the extension is asked, by the name in the file. */
  secrets: ReadonlyMap<string, { path: string; name: string }>
}

type Document = {
  kind?: string
  name?: string
  get?: { path?: string; name?: string }
  environment?: Record<string, unknown>
  steps?: (Partial<ReplayStep> & { name: string })[]
}

/** Reads the file; `variables` stand for `${NAME}` in it, which happens before it is YAML. */
export function parsePipeline(file: string, variables: Readonly<Record<string, string>>): Pipeline {
  const text = file.replace(/\$\{(\w+)\}/g, (_, name: string) => variables[name] ?? '')
  const documents = parseAllDocuments(text).map((each) => each.toJS() as Document)
  const pipeline = documents.find(({ kind }) => kind === 'pipeline')
  if (!pipeline) throw new Error('the file has no pipeline')
  const secrets = documents.filter(({ kind, get }) => kind === 'secret' && get)
  return {
    steps: (pipeline.steps ?? []).map(
      ({ name, image = '', settings = {}, environment = {}, commands = [] }) => ({
        name,
        image,
        settings,
        environment,
        commands,
      }),
    ),
    environment: pipeline.environment ?? {},
    secrets: new Map(
      secrets.map(({ name = '', get }) => [name, { path: get?.path ?? '', name: get?.name ?? '' }]),
    ),
  }
}

/** The secret that a value is taken from, if it is one. */
export function secretNameOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('from_secret' in value)) return undefined
  return String(value.from_secret)
}
