import { StacklessError } from './stackless-error.ts'

/** Bytes that make no sense as MIME, or more of them than is allowed (protocol.md IN-11). */
export class MimeError extends StacklessError<'MALFORMED' | 'LIMIT_EXCEEDED'> {
  override readonly name = 'MimeError'
}
