import { LdapFailure } from './failure.ts'

/** Runs `work` with a signal that fires after `ms` milliseconds, which is a failure then, or with `outer`. */
export async function within<T>(
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const stop = () => controller.abort()
  const timer = setTimeout(stop, Math.max(0, ms))
  outer.addEventListener('abort', stop, { once: true })
  if (outer.aborted) stop()
  try {
    return await work(controller.signal)
  } catch (error) {
    const late = controller.signal.aborted && !outer.aborted && error instanceof LdapFailure
    throw late ? new LdapFailure(`did not answer within ${Math.round(ms)} ms`) : error
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', stop)
  }
}

/** What `waited` comes to, or LdapFailure as soon as the signal fires. */
export async function orGivenUp<T>(waited: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: givenUp, reject } = Promise.withResolvers<never>()
  const stop = () => reject(new LdapFailure('was not waited for any longer'))
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await Promise.race([waited, givenUp])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
