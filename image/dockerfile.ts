// The few instructions our Dockerfiles use, as the configuration of an image: so that an image written
// without Docker is the one that `docker build` makes of the same file.

/** An image's configuration as OCI and Docker spell it (image-spec, config.md; Docker's Healthcheck). */
export type ImageConfig = {
  Env: string[]
  Entrypoint?: string[]
  Cmd?: string[]
  User?: string
  StopSignal?: string
  Volumes?: Record<string, object>
  ExposedPorts?: Record<string, object>
  Healthcheck?: {
    Test: string[]
    Interval?: number
    Timeout?: number
    StartPeriod?: number
    Retries?: number
  }
  Labels: Record<string, string>
}

/** What a Dockerfile says: its layers are archives beside it, lowest first. */
export type Dockerfile = { archives: string[]; config: ImageConfig }

const nanoseconds = 1e9

/** Reads a Dockerfile of ours; throws a SyntaxError at anything it does not know. */
export function readDockerfile(text: string): Dockerfile {
  const read: Dockerfile = { archives: [], config: { Env: [], Labels: {} } }
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n')
  for (const line of lines) {
    if (line === '' || line.startsWith('#')) continue
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    const take = instructions[word]
    if (!take) throw new SyntaxError(`a Dockerfile of ours does not say: ${line}`)
    take(read, rest.trim())
  }
  return read
}

type Take = (read: Dockerfile, rest: string) => void

const instructions: Readonly<Record<string, Take>> = {
  FROM: (_, rest) => {
    if (rest !== 'scratch') throw new SyntaxError(`not from scratch: ${rest}`)
  },
  ADD: ({ archives }, rest) => {
    const [, name] = /^([\w.-]+\.tar) \/$/.exec(rest) ?? []
    if (name === undefined) throw new SyntaxError(`not an archive for the root: ${rest}`)
    archives.push(name)
  },
  ENV: ({ config }, rest) => void config.Env.push(rest),
  LABEL: ({ config }, rest) => {
    const [, key = '', value = ''] = /^([\w.]+)="([^"]*)"$/.exec(rest) ?? []
    config.Labels[key] = value
  },
  USER: ({ config }, rest) => void (config.User = rest),
  STOPSIGNAL: ({ config }, rest) => void (config.StopSignal = rest),
  VOLUME: ({ config }, rest) => void (config.Volumes = asKeys(readList(rest))),
  EXPOSE: ({ config }, rest) =>
    void (config.ExposedPorts = asKeys(rest.split(' ').map((port) => `${port}/tcp`))),
  ENTRYPOINT: ({ config }, rest) => void (config.Entrypoint = readList(rest)),
  CMD: ({ config }, rest) => void (config.Cmd = readList(rest)),
  HEALTHCHECK: ({ config }, rest) => {
    const [options = '', command = ''] = rest.split(/\s*CMD\s+/)
    const option = (name: string) => Number(new RegExp(`--${name}=(\\d+)`).exec(options)?.[1] ?? 0)
    config.Healthcheck = {
      Test: ['CMD', ...readList(command)],
      Interval: option('interval') * nanoseconds,
      Timeout: option('timeout') * nanoseconds,
      StartPeriod: option('start-period') * nanoseconds,
      Retries: option('retries'),
    }
  },
}

// Only the exec form: there is no shell.
function readList(text: string): string[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list)) throw new SyntaxError(`not a list: ${text}`)
  return list.map(String)
}

function asKeys(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, {}]))
}
