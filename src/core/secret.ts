// A value that must never be printed. Whatever a logger, a template string, JSON or `console.log`
// does with it, only `[secret]` comes out (DESIGN: secrets cannot be printed).

/** Wraps a token, key or password; `reveal()` is the only way to the text, so it can be found by grep. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The text itself: for a header, a hash or a signature, never for a message. */
  reveal(): string {
    return this.#value
  }

  get isEmpty(): boolean {
    return this.#value === ''
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}
