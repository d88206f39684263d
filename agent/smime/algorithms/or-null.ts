/**
 * What a function of node:crypto answers, null where it says by throwing that the input is wrong: padding, a tag, an
 * integrity check, a point on no curve. None may be told apart from any other failure, so no stack trace is made, which
 * takes longer than most answers (protocol.md ALG-2). `work` must not throw for any other reason, nor be asynchronous.
 */
export function orNull<T>(work: () => T): T | null {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return work()
  } catch {
    return null
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
