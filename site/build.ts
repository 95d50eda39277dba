// `npm run site`: the documentation as static pages in public/, to be served by anything.
import { writeSite } from './write-site.ts'

const { pages, broken } = writeSite('public')
for (const each of broken) process.stderr.write(`leads nowhere: ${each}\n`)
process.stdout.write(`${pages} pages in public/\n`)
process.exitCode = broken.length === 0 ? 0 : 6
