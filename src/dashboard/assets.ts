// The files pages load: one style sheet and one script, under names made of their contents, so that a
// browser may keep them for ever.
import { Hono } from 'hono'

import { sha256Hex } from '../core/digest.ts'
import { pageScript } from './script.ts'
import { partsStyle } from './style-parts.ts'
import { frameStyle } from './style.ts'

const style = frameStyle + partsStyle

/** Where the style sheet and the script are. */
export const assetPaths = {
  style: `/assets/style-${sha256Hex(style).slice(0, 12)}.css`,
  script: `/assets/page-${sha256Hex(pageScript).slice(0, 12)}.js`,
}

/** Serves both, to anybody. */
export function createAssets(): Hono {
  const app = new Hono()
  const serve = (path: string, type: string, text: string) =>
    app.get(path, (context) =>
      context.body(text, 200, {
        'content-type': `${type}; charset=utf-8`,
        'cache-control': 'public, max-age=31536000, immutable',
      }),
    )
  serve(assetPaths.style, 'text/css', style)
  serve(assetPaths.script, 'text/javascript', pageScript)
  // Browsers ask for one by themselves.
  app.get('/favicon.ico', (context) => context.body(null, 204))
  return app
}
