import { aborted } from './dial.ts'
import type { AccessToken } from './token.ts'

/** A token, unless `signal` aborts first: the program that is asked may hang. Throws `ABORTED`. */
export async function tokenUnlessAborted(
  token: AccessToken,
  refused: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { promise: stopped, reject } = Promise.withResolvers<never>()
  const stop = () => reject(aborted())
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  try {
    return await Promise.race([stopped, token(refused)])
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
