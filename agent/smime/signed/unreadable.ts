import type { MessageCode, Reason } from '../../errors.ts'
import { MimeError } from '../../mime/error.ts'
import { CmsError } from '../ber/error.ts'

/** What `read` gives; what a reader finds wrong with `what`, as a reason. It is for the user at hand and reaches no sender. */
export async function orUnreadable<T>(
  what: string,
  read: () => Promise<T | Reason<MessageCode>>,
): Promise<T | Reason<MessageCode>> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof MimeError || error instanceof CmsError)
      return { code: error.code, text: `${what} makes no sense: ${error.message}` }
    throw error
  }
}
