// Arithmetic on CRC-64/NVME values: polynomials over GF(2) modulo the reflected polynomial
// 0x9A6C9329AC4BC9B5. A value is two unsigned halves; its top bit is the coefficient of x^0.

/** The 64 bits of a CRC as two unsigned 32-bit halves. */
export type Crc64Value = { high: number; low: number }

/** The polynomial without its leading coefficient, bit-reflected. */
export const polynomial: Crc64Value = { high: 0x9a6c9329, low: 0xac4bc9b5 }

const one: Crc64Value = { high: 0x80000000, low: 0 }
// x^8.
const oneByte: Crc64Value = { high: 0x00800000, low: 0 }

/** The value times x: what one more zero bit does to it. */
export function timesX({ high, low }: Crc64Value): Crc64Value {
  const mask = -(low & 1)
  return {
    high: ((high >>> 1) ^ (polynomial.high & mask)) >>> 0,
    low: (((low >>> 1) | (high << 31)) ^ (polynomial.low & mask)) >>> 0,
  }
}

/** The product of two values modulo the polynomial. */
export function multiply(a: Crc64Value, b: Crc64Value): Crc64Value {
  let [high, low] = [0, 0]
  let [shiftedHigh, shiftedLow] = [b.high, b.low]
  for (let bit = 0; bit < 64; bit++) {
    const word = bit < 32 ? a.high : a.low
    const take = -((word >>> (31 - (bit & 31))) & 1)
    high ^= shiftedHigh & take
    low ^= shiftedLow & take
    // `timesX` in place: objects would cost more than the arithmetic.
    const mask = -(shiftedLow & 1)
    shiftedLow = ((shiftedLow >>> 1) | (shiftedHigh << 31)) ^ (polynomial.low & mask)
    shiftedHigh = (shiftedHigh >>> 1) ^ (polynomial.high & mask)
  }
  return { high: high >>> 0, low: low >>> 0 }
}

/** x to the power 8 · `bytes`: the factor that moves a CRC over so many bytes behind it. */
export function powerOfBytes(bytes: number): Crc64Value {
  let power = one
  let square = oneByte
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(power, square)
    square = multiply(square, square)
  }
  return power
}
