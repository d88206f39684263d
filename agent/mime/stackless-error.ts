/**
 * What the bytes of a message make a reader say, caught by whoever asked it to read them. It has no stack trace: to make
 * one takes time that tells, once content is decrypted, where it stopped making sense (ALG-2).
 */
export abstract class StacklessError<Code extends string> extends Error {
  readonly code: Code

  constructor(code: Code, message: string) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
  }
}
