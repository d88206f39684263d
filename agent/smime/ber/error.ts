import { StacklessError } from '../../mime/stackless-error.ts'

/** Bytes that are no CMS, or more of them than is allowed. It never leaves this room. */
export class CmsError extends StacklessError<'MALFORMED' | 'LIMIT_EXCEEDED' | 'SIGNATURE_INVALID'> {
  override readonly name = 'CmsError'
}
