// The CRC-64/NVME module made ready: WebAssembly, since JavaScript has no fast 64-bit integers.
import { crc64Module } from './crc64-module.ts'

/** The module's memory and its one function. */
export type Crc64Kernel = {
  /** The running value is at 0, little-endian; the bytes to be summed go to `dataAt`. */
  memory: Buffer
  /** Takes so many bytes at `dataAt` into the running value, and overwrites them. */
  run: (sizeBytes: number) => void
}

// Node's types do not know what Node knows.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => {
    exports: { memory: { buffer: ArrayBuffer }; run: (sizeBytes: number) => void }
  }
}

/** Makes a kernel, in less than a millisecond. */
export function createKernel(): Crc64Kernel {
  const module = new WebAssembly.Module(Buffer.from(crc64Module, 'base64'))
  const { memory, run } = new WebAssembly.Instance(module).exports
  return { memory: Buffer.from(memory.buffer), run }
}
