// Just enough of WebAssembly's binary format to write a function by hand and still read it
// (https://webassembly.github.io/spec/core/binary/): code is a list of bytes, and an instruction is a
// function from the code of its operands to its own.

/** A piece of code. */
export type Code = readonly number[]

/** The types of locals. */
export const types = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const

const noAlignment = 0
const code = (...parts: (number | Code)[]): Code => parts.flat()

/** Value of a local. */
export const get = (local: number): Code => [0x20, local]
/** Puts a value into a local. */
export const set = (local: number, value: Code): Code => [...value, 0x21, local]
/** A 32-bit constant. */
export const int = (value: number): Code => [0x41, ...signed(value)]
/** a + b, 32 bits. */
export const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
/** a - b, 32 bits. */
export const subtract = (a: Code, b: Code): Code => [...a, ...b, 0x6b]
/** a & b, 32 bits. */
export const and = (a: Code, b: Code): Code => [...a, ...b, 0x71]
/** The value shifted left by so many bits, 32 bits. */
export const shiftLeft = (value: Code, bits: number): Code => [...value, ...int(bits), 0x74]
/** Whether a < b, 32 bits unsigned. */
export const less = (a: Code, b: Code): Code => [...a, ...b, 0x49]
/** The 64-bit word at an address plus a fixed offset. */
export const load64 = (at: Code, offset = 0): Code => [
  ...at,
  0x29,
  noAlignment,
  ...unsigned(offset),
]
/** The byte at an address, as 64 bits. */
export const loadByte = (at: Code): Code => [...at, 0x31, noAlignment, 0]
/** Stores 64 bits. */
export const store64 = (at: Code, offset: number, value: Code): Code =>
  code(at, value, 0x37, noAlignment, unsigned(offset))
/** a ^ b, 64 bits. */
export const xor64 = (a: Code, b: Code): Code => [...a, ...b, 0x85]
/** The value shifted by so many bits, to the left if negative; 64 bits, zeros come in. */
export const shiftRight64 = (value: Code, bits: number): Code =>
  bits < 0 ? [...value, 0x42, ...signed(-bits), 0x86] : [...value, 0x42, ...signed(bits), 0x88]
/** a · b, 64 bits. */
export const multiply64 = (a: Code, b: Code): Code => [...a, ...b, 0x7e]
/** A 64-bit constant. */
export const long = (value: bigint): Code => [0x42, ...signedLong(BigInt.asIntN(64, value))]
/** a & b, 64 bits. */
export const and64 = (a: Code, b: Code): Code => [...a, ...b, 0x83]
/** 32 bits as the lower half of 64. */
export const widen = (value: Code): Code => [...value, 0xad]
/** The lower half of 64 bits. */
export const lowHalf = (value: Code): Code => [...value, 0xa7]
/** The sixteen bytes at an address plus a fixed offset. */
export const load128 = (at: Code, offset = 0): Code =>
  code(at, 0xfd, 0x00, noAlignment, unsigned(offset))
/** Stores sixteen bytes. */
export const store128 = (at: Code, value: Code): Code => code(at, value, 0xfd, 0x0b, noAlignment, 0)
/** a ^ b, sixteen bytes. */
export const xor128 = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x51]
/** Copies bytes inside of the memory. */
export const copyBytes = (to: Code, from: Code, sizeBytes: Code): Code =>
  code(to, from, sizeBytes, 0xfc, 0x0a, 0, 0)
/** Sets bytes to zero. */
export const clearBytes = (at: Code, sizeBytes: Code): Code =>
  code(at, int(0), sizeBytes, 0xfc, 0x0b, 0)
/** Runs the body while the condition holds. */
export const loopWhile = (condition: Code, ...body: Code[]): Code =>
  code(0x03, 0x40, condition, 0x04, 0x40, body.flat(), 0x0c, 1, 0x0b, 0x0b)
/** Runs the body if the condition holds. */
export const when = (condition: Code, ...body: Code[]): Code =>
  code(condition, 0x04, 0x40, body.flat(), 0x0b)

/** A function: how many 32-bit parameters it has, the types of its other locals, and its code. */
export type WasmFunction = { parameters: number; locals: readonly number[]; code: Code }

/** A module of `memory` with so many pages of 64 KiB, `run`, and a start that runs before anything. */
export function toModule(
  pages: number,
  run: WasmFunction,
  start: WasmFunction,
): Uint8Array<ArrayBuffer> {
  const functions = [run, start]
  const signatures = functions.map(({ parameters }) =>
    code(0x60, parameters, Array<number>(parameters).fill(types.i32), 0),
  )
  const bodies = functions.map(({ locals, code: body }) =>
    sized(code(listed(locals.map((type) => [1, type])), body, 0x0b)),
  )
  const memory = code(sized([...Buffer.from('memory')]), 2, 0)
  const runs = code(sized([...Buffer.from('run')]), 0, 0)
  const module = [
    code(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
    section(1, signatures),
    section(3, [[0], [1]]),
    section(5, [code(0, unsigned(pages))]),
    section(7, [memory, runs]),
    code(8, 1, 1),
    section(10, bodies),
  ]
  return Uint8Array.from(module.flat())
}

function section(id: number, items: readonly Code[]): Code {
  return [id, ...sized(listed(items))]
}

function listed(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()]
}

function sized(bytes: Code): Code {
  return [...unsigned(bytes.length), ...bytes]
}

// LEB128, seven bits a byte.
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: number): Code {
  return signedLong(BigInt(value))
}

function signedLong(value: bigint): Code {
  const [low, rest] = [Number(value & 0x7fn), value >> 7n]
  const isLast = rest === (low & 0x40 ? -1n : 0n)
  return isLast ? [low] : [low | 0x80, ...signedLong(rest)]
}
