/**
 * What can go wrong, in two kinds. A `DirectError` is thrown: broken configuration, broken I/O, wrong use.
 * A `Reason` is returned: an expected outcome in the protocol's own words (`protocol.md`, Codes).
 */

/** Stable codes of thrown errors. New ones may be added; none changes its meaning. */
export type DirectErrorCode =
  | 'USAGE'
  | 'CONFIG_INVALID'
  | 'NOT_BUILT'
  | 'FILE_UNREADABLE'
  | 'FILE_UNWRITABLE'
  | 'KEY_UNREADABLE'
  | 'KEY_MISMATCH'
  | 'KEY_EXPOSED'
  | 'KEY_UNREACHABLE'
  | 'CERT_UNREADABLE'
  | 'IDENTITY_MISSING'
  | 'IDENTITY_UNUSABLE'
  | 'NO_ANCHORS'
  | 'ADDRESS_INVALID'
  | 'MESSAGE_INVALID'
  | 'LIMIT_EXCEEDED'
  | 'IDEMPOTENCY_CONFLICT'
  | 'SMTP_UNREACHABLE'
  | 'SMTP_LOGIN'
  | 'IMAP_UNREACHABLE'
  | 'IMAP_LOGIN'
  | 'IMAP_REFUSED'
  | 'TLS_FAILED'
  | 'DNS_UNREACHABLE'
  | 'LISTEN_FAILED'
  | 'STORE_FAILED'
  | 'STORE_DAMAGED'
  | 'STORE_WENT_BACK'
  | 'TRACE_INVALID'
  | 'NETWORK_FORBIDDEN'
  | 'ABORTED'

export interface DirectErrorOptions {
  /** What to do next, one sentence; shown as `direct: hint: …`. */
  readonly hint?: string
  /** True when the same call may succeed later with nothing changed (exit code 75). */
  readonly temporary?: boolean
  readonly cause?: unknown
}

/** The one error class that direct-agent throws on purpose. Anything else that escapes is a bug of ours. */
export class DirectError extends Error {
  override readonly name = 'DirectError'
  readonly code: DirectErrorCode
  /** What to do next, one sentence. */
  readonly hint: string | undefined
  /** The same call may succeed later with nothing changed. */
  readonly temporary: boolean

  constructor(code: DirectErrorCode, message: string, options: DirectErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.temporary = options.temporary ?? false
  }
}

/**
 * What the system lacks is no bug of ours, wherever it comes to light, in loading a part of the program for example: as
 * DirectError then, and any other error as it is.
 */
export function ofSystem(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code !== 'EMFILE' && code !== 'ENFILE') return error
  return new DirectError('FILE_UNREADABLE', `no more files can be opened (${code})`, {
    hint: 'Let the process have more: LimitNOFILE in the unit of a service (docs/direct.service has 8192), "ulimit -n" in a shell.',
    temporary: true,
    cause: error,
  })
}

/** Why a certificate, an address or a message was judged as it was. */
export interface Reason<Code extends string = string> {
  readonly code: Code
  /** One sentence for a person, with the values concerned; never content, subjects or keys. */
  readonly text: string
}

/** protocol.md, Codes: addresses. */
export type AddressCode = 'NO_CERTIFICATE' | 'LOOKUP_FAILED' | 'ADDRESS_INVALID' | 'TLS_NOT_PROVED'

/** protocol.md, Codes: what a recipient's system did not do within the time limit (N-7). */
export type ExpiryCode = 'NOT_HANDED_OVER_IN_TIME' | 'NO_PROCESSED_IN_TIME' | 'NO_DISPATCHED_IN_TIME'

/** protocol.md, Codes: messages. */
export type MessageCode =
  | 'MALFORMED'
  | 'LIMIT_EXCEEDED'
  | 'NOT_ENCRYPTED'
  | 'NOT_FOR_US'
  | 'UNDECRYPTABLE'
  | 'NOT_SIGNED'
  | 'SIGNATURE_INVALID'
  | 'SIGNER_NOT_FROM'
  | 'SIGNER_UNTRUSTED'
  | 'ALGORITHM_REFUSED'
  | 'ENVELOPE_MISMATCH'
  | 'UNWRAPPED_REFUSED'
  | 'DUPLICATE'
  | 'KEY_UNREACHABLE'
  | 'STORE_DAMAGED'
