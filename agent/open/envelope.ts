import { type Address, parseAddress } from '../address.ts'
import type { MessageCode, Reason } from '../errors.ts'
import { parseMailboxes } from '../mime/addresses.ts'
import type { Header } from '../mime/header.ts'
import type { Settings } from '../settings.ts'

/** SMTP MAIL FROM as far as it is known: `null` is `<>`, `undefined` is not known, a text is no Direct address. */
export type MailFrom = Address | null | undefined | { readonly unreadable: string }

/** What the Return-Path field, written by the last mail server, says of MAIL FROM (IN-7). */
export function mailFromOf(header: Header): MailFrom {
  const field = header.first('Return-Path')
  return field === null ? undefined : parseMailFrom(field)
}

/** `a@b`, `<a@b>`, `<>` or empty. */
export function parseMailFrom(text: string): MailFrom {
  const bare = text.trim().replace(/^<(.*)>$/s, '$1')
  if (bare === '') return null
  const address = parseAddress(bare)
  return 'code' in address ? { unreadable: bare.slice(0, 100) } : address
}

/** The fields may be the sender's own: it must not be able to make us answer for thousands of addresses. */
const MOST_RECIPIENTS = 100

/**
 * Who a message of this mailbox is for (IN-7): X-Original-To or Delivered-To, as far as they are addresses that
 * the mailbox receives for, else the outer To and Cc within those; a mailbox of one address needs no header.
 */
export function envelopeRecipients(header: Header, addresses: readonly string[]): readonly Address[] {
  // A tag is no part of what a mailbox is for (MSG-13).
  const ours = (address: Address) =>
    [address.key, address.withoutTag()?.key, address.domain].some(
      (name) => name !== undefined && addresses.includes(name),
    )
  const named = (fields: readonly string[]) =>
    unique(
      fields
        .flatMap((name) => header.all(name))
        .flatMap((value) => parseMailboxes(value).mailboxes.map(({ address }) => address)),
    ).filter(ours)
  // X-Original-To is the recipient as the sender's server named it; Delivered-To may be what an alias made of it.
  for (const fields of [['X-Original-To'], ['Delivered-To'], ['To', 'Cc']]) {
    const found = named(fields)
    if (found.length > 0) return found.slice(0, MOST_RECIPIENTS)
  }
  const only = addresses.length === 1 ? parseAddress(addresses[0] as string) : null
  return only !== null && !('code' in only) ? [only] : []
}

function unique(addresses: readonly Address[]): readonly Address[] {
  return [...new Map(addresses.map((address) => [address.key, address])).values()]
}

/**
 * IN-7: MAIL FROM equals the author, or is `<>` on a notification; every envelope recipient stands in the inner To or
 * Cc. What is only worth a warning is added to `warnings`.
 */
export function checkEnvelope(
  envelope: { readonly recipients: readonly Address[]; readonly mailFrom: MailFrom },
  message: { readonly author: Address; readonly named: readonly Address[]; readonly isNotification: boolean },
  settings: Settings['receive'],
  warnings: string[],
): Reason<MessageCode> | null {
  const { mailFrom } = envelope
  const objections: [string, 'refuse' | 'warn'][] = []
  if (mailFrom === undefined) warnings.push('MAIL FROM is not known, so it was not checked')
  else if (mailFrom === null) {
    if (!message.isNotification)
      objections.push(['MAIL FROM is <>, and the message is no notification', settings.mailFrom])
  } else if ('unreadable' in mailFrom)
    objections.push(['MAIL FROM is not a Direct address', settings.mailFrom])
  else if (mailFrom.key !== message.author.key)
    objections.push([`MAIL FROM is ${mailFrom}, the message is from ${message.author}`, settings.mailFrom])
  const named = new Set(message.named.map(({ key }) => key))
  for (const recipient of envelope.recipients)
    if (!named.has(recipient.key))
      objections.push([
        `${recipient} stands in neither To nor Cc of the inner message`,
        settings.envelopeRecipients,
      ])
  for (const [text, severity] of objections) {
    if (severity === 'refuse') return { code: 'ENVELOPE_MISMATCH', text }
    warnings.push(text)
  }
  return null
}
