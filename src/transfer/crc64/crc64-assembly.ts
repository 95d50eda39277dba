// How the module of crc64-module.ts is made: the inner loops of CRC-64/NVME in WebAssembly, sixteen
// bytes at once for the bulk and tables for the rest. A test holds the two files together.
import {
  dataAt,
  foldBytes,
  gapBytes,
  memoryPages,
  pieceBytes,
  tableBytes,
  tablesAt,
} from './crc64-layout.ts'
import {
  add,
  and,
  and64,
  clearBytes,
  type Code,
  copyBytes,
  get,
  int,
  less,
  long,
  load128,
  load64,
  loadByte,
  loopWhile,
  lowHalf,
  multiply64,
  set,
  shiftLeft,
  shiftRight64,
  store128,
  store64,
  subtract,
  toModule,
  types,
  type WasmFunction,
  when,
  widen,
  xor128,
  xor64,
} from './wasm-code.ts'

/**
 * Exponents of a multiple of the polynomial, in bytes: 1 + x^(8·168) + … + x^(8·2210) is zero. With it
 * a byte may be taken out of a message when it is added again at seven places behind it, and so the
 * message folds into its last 2,210 bytes without a table (as the method called Chorba does for CRC-32).
 */
export const foldExponents = [0, 168, 598, 725, 1482, 1627, 2061, 2210] as const

const foldDistances = foldExponents.slice(0, -1).map((exponent) => foldBytes - exponent)
// Below this length the tables alone are as fast.
const foldFromBytes = 2 * foldBytes

const tailAt = dataAt + pieceBytes + gapBytes

/** The module: `memory`, and `run`, which sums as many bytes at `dataAt` as it is told. */
export function assembleCrc64(): Uint8Array<ArrayBuffer> {
  const run = { parameters: 1, locals: localTypes, code: body() }
  return toModule(memoryPages, run, makeTables())
}

// Locals; the parameter is the first.
const [size, at, end, from, sum] = [0, 1, 2, 3, 4]
const localTypes = [types.i32, types.i32, types.i32, types.i64]

function body(): Code {
  return [
    ...set(at, int(dataAt)),
    ...set(end, add(get(at), get(size))),
    ...set(sum, load64(int(0))),
    ...when(less(int(foldFromBytes), get(size)), ...fold()),
    ...sumByTables(),
    ...store64(int(0), 0, get(sum)),
  ]
}

// Folds all but the last 2,210 bytes (up to 15 more) into those, and points `at` and `end` to them.
function fold(): Code[] {
  const foldedAt = (target: Code, place: Code): Code =>
    foldDistances.reduce(
      (folded, distance) => xor128(folded, load128(subtract(place, int(distance)))),
      load128(target),
    )
  return [
    store64(int(dataAt), 0, xor64(load64(int(dataAt)), get(sum))),
    set(sum, xor64(get(sum), get(sum))),
    set(from, add(get(at), and(subtract(get(size), int(foldBytes)), int(-16)))),
    loopWhile(
      less(get(at), get(from)),
      store128(get(at), foldedAt(get(at), get(at))),
      set(at, add(get(at), int(16))),
    ),
    // The tail leaves its place, so that only what was folded reaches over to it.
    set(size, subtract(get(end), get(from))),
    copyBytes(int(tailAt), get(from), get(size)),
    clearBytes(get(from), add(get(size), int(gapBytes))),
    set(at, int(tailAt)),
    set(end, add(get(at), get(size))),
    loopWhile(
      less(get(at), get(end)),
      store128(get(at), foldedAt(get(at), add(get(at), subtract(get(from), int(tailAt))))),
      set(at, add(get(at), int(16))),
    ),
    set(at, int(tailAt)),
  ]
}

// Word by word through the tables, then byte by byte.
function sumByTables(): Code {
  return [
    ...loopWhile(
      less(int(7), subtract(get(end), get(at))),
      set(sum, xor64(get(sum), load64(get(at)))),
      set(sum, Array.from({ length: 8 }, (_, byte) => rowOf(byte, 7 - byte)).reduce(xor64Of)),
      set(at, add(get(at), int(8))),
    ),
    ...loopWhile(
      less(get(at), get(end)),
      set(sum, xor64(get(sum), loadByte(get(at)))),
      set(sum, xor64(shiftRight64(get(sum), 8), rowOf(0, 0))),
      set(at, add(get(at), int(1))),
    ),
  ]
}

// What becomes of one byte of the sum when so many more bytes have followed it.
function rowOf(byte: number, followers: number): Code {
  const place = and(lowHalf(shiftRight64(get(sum), 8 * byte - 3)), int(0x7f8))
  return load64(place, tablesAt + followers * tableBytes)
}

function xor64Of(a: Code, b: Code): Code {
  return xor64(a, b)
}

// Row n of table k: what becomes of the byte n in an empty sum when k bytes of zero have followed it.
function makeTables(): WasmFunction {
  const [byte, place, value] = [0, 1, 2]
  const oneBit = set(
    value,
    xor64(
      shiftRight64(get(value), 1),
      multiply64(and64(get(value), long(1n)), long(0x9a6c9329ac4bc9b5n)),
    ),
  )
  const row = and(shiftLeft(lowHalf(get(value)), 3), int(0x7f8))
  return {
    parameters: 0,
    locals: [types.i32, types.i32, types.i64],
    code: [
      ...loopWhile(
        less(get(byte), int(256)),
        set(value, widen(get(byte))),
        ...Array.from({ length: 8 }, () => oneBit),
        store64(shiftLeft(get(byte), 3), tablesAt, get(value)),
        set(byte, add(get(byte), int(1))),
      ),
      ...loopWhile(
        less(get(place), int(7 * tableBytes)),
        set(value, load64(get(place), tablesAt)),
        store64(
          get(place),
          tablesAt + tableBytes,
          xor64(shiftRight64(get(value), 8), load64(row, tablesAt)),
        ),
        set(place, add(get(place), int(8))),
      ),
    ],
  }
}
