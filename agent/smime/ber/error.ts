/**
 * Bytes that are no CMS, or more of them than is allowed. It never leaves this room, and has no stack trace: to make one
 * takes time that tells, once content is decrypted, where it stopped making sense (ALG-2).
 */
export class CmsError extends Error {
  override readonly name = 'CmsError'
  readonly code: 'MALFORMED' | 'LIMIT_EXCEEDED' | 'SIGNATURE_INVALID'

  constructor(code: CmsError['code'], message: string) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
  }
}
