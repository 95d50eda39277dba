// Somebody's program that calls an API of Google, and knows nothing but GOOGLE_APPLICATION_CREDENTIALS.
import { GoogleAuth } from 'google-auth-library'

const [url = ''] = process.argv.slice(2)
const auth = new GoogleAuth({ scopes: ['https://www.googleapis.com/auth/cloud-platform'] })
try {
  await auth.request({ url })
} catch (error) {
  // The library's message alone: everything else of the request would be printed with it.
  process.stdout.write(`${String(error)}\n`)
  process.exitCode = 1
}
