// Every Markdown page of the project, read.
import { globSync, readFileSync } from 'node:fs'

import { readPage, type Page } from '../../site/page.ts'

/** A page and where it lies, from the root of the project. */
export type ReadFile = Page & { file: string }

/** All of them, in the order of their names. */
export function readPages(): ReadFile[] {
  return globSync('{*.md,{docs,examples,deploy,image,e2e,bench,suites}/**/*.md}')
    .toSorted()
    .map((file) => ({ file, ...readPage(readFileSync(file, 'utf8')) }))
}
