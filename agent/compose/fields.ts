import { randomUUID } from 'node:crypto'
import type { Address } from '../address.ts'
import { DirectError } from '../errors.ts'
import { MimeError } from '../mime/error.ts'
import type { Spool } from '../smime/source.ts'

/** What composing asks of its surroundings. */
export interface ComposeTools {
  readonly spool: Spool
  readonly now: () => Date
  /** Right side of a generated Message-ID; the sender's domain by default. */
  readonly messageIdHost?: string
  /** Ask for the `dispatched` MDN as well (protocol.md N-3). */
  readonly finalDelivery?: boolean
}

/** MSG-4: `<uuid@host>`. */
export function newMessageId(host: string): string {
  return `<${randomUUID()}@${host}>`
}

/** N-3: the fields that ask for notifications. */
export function notificationFields(
  from: Address,
  finalDelivery: boolean,
): readonly (readonly [string, string])[] {
  const options = [
    'Disposition-Notification-Options',
    'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true',
  ] as const
  return [['Disposition-Notification-To', from.toString()], ...(finalDelivery ? [options] : [])]
}

/** One msg-id (RFC 5322 3.6.4), read generously, but printable ASCII in angle brackets. Throws MESSAGE_INVALID. */
export function checkMessageId(field: string, value: string): string {
  if (/^<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>$/.test(value)) return value
  throw new DirectError(
    'MESSAGE_INVALID',
    `${field} ${JSON.stringify(value.slice(0, 100))} is no message id`,
    {
      hint: 'A message id looks like <name@host>: printable ASCII, no blanks (RFC 5322 3.6.4).',
    },
  )
}

/**
 * The msg-ids of a given In-Reply-To or References, which are all of it that everybody may see (MSG-3): phrases may stand
 * beside them (RFC 5322 4.5.4), such as whose message is answered. Null where there are none.
 */
export function messageIdsOf(value: string | null): string | null {
  return value?.match(/<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>/g)?.join(' ') ?? null
}

/** MIME that makes no sense, said of a message that was to be sent. */
export async function explainMime<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (!(cause instanceof MimeError)) throw cause
    throw new DirectError(
      cause.code === 'LIMIT_EXCEEDED' ? 'LIMIT_EXCEEDED' : 'MESSAGE_INVALID',
      `the message cannot be sent: ${cause.message}`,
      { hint: 'Mend the message, or compose it anew.', cause },
    )
  }
}
