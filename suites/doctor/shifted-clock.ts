// A process whose clock is wrong: Node started with a module that moves `Date`, and the Date header of
// its servers with it. Certificates are still compared with the real time.

/** Arguments of `node` for a process whose clock is so many seconds ahead; none for zero. */
export function shiftClock(aheadSeconds: number): string[] {
  if (aheadSeconds === 0) return []
  const code = `
import { ServerResponse } from 'node:http'
const RealDate = Date
const ahead = ${aheadSeconds * 1000}
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + ahead)
    else super(...parts)
  }
  static now() {
    return RealDate.now() + ahead
  }
}
const { writeHead } = ServerResponse.prototype
ServerResponse.prototype.writeHead = function (...parts) {
  if (!this.headersSent && !this.hasHeader('date')) this.setHeader('Date', new Date().toUTCString())
  return writeHead.apply(this, parts)
}
`
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`]
}
