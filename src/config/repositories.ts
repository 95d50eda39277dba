// Globs of repositories in a configuration, in the policy's own form.
import * as z from 'zod'

import { explainBadGlob } from '../policy/glob.ts'

/** A glob of slugs; `**` alone means every repository. */
export const glob = z.string().superRefine((pattern, context) => {
  const why = pattern === '**' ? undefined : explainBadGlob(pattern)
  if (why) context.addIssue({ code: 'custom', message: `"${pattern}" ${why}` })
})
