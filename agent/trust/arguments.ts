import { OPEN_BUNDLE } from '../config/to-settings.ts'
import { domainOrAddressOf, isOpenOnTheWay, Wrong, webUrlOf } from '../config/values.ts'
import { DirectError } from '../errors.ts'

/** What people write when they change trust, read strictly. All of these throw USAGE. */

/** `*`, a domain in A-labels, or an address. */
export function nameOf(text: string): string {
  const name = text === '*' ? text : domainOrAddressOf(text)
  if (!(name instanceof Wrong)) return name
  throw new DirectError('USAGE', `${JSON.stringify(text.slice(0, 100))} has no trust of its own`, {
    hint: `Trust is for *, or for one name; it ${name.expected}.`,
  })
}

/** A bundle's URL that may be asked for: one that anybody on the way may answer is not, unless its signer is known. */
export function bundleUrlOf(
  text: string,
  { isSigned, allowPrivate }: { readonly isSigned: boolean; readonly allowPrivate: boolean },
): string {
  const url = urlOf(text)
  if (isSigned || allowPrivate || !isOpenOnTheWay(url)) return url
  throw new DirectError('USAGE', `the URL of the bundle ${OPEN_BUNDLE.text}`, { hint: OPEN_BUNDLE.hint })
}

/** Spelt as the configuration spells it. */
export function urlOf(text: string): string {
  const url = webUrlOf(text)
  if (!(url instanceof Wrong)) return url
  throw new DirectError('USAGE', 'that is no URL of a trust bundle', { hint: `It ${url.expected}.` })
}

export function hoursOf(hours = 24): number {
  if (hours >= 0.1 && hours <= 744) return hours
  throw new DirectError('USAGE', `${hours} hours is no interval to refresh a bundle by`, {
    hint: 'Give 0.1 to 744 hours.',
  })
}

/** Fewer hex digits of a SHA-256 than these might be met by somebody who tries. */
const LEAST_DIGITS = 16

/** How a SHA-256 begins, or all of it, with or without colons, blanks and a final ellipsis. Null: it is none. */
export function fingerprintOf(text: string): string | null {
  const plain = text.replace(/[:\s]/g, '').replace(/…$/, '').toLowerCase()
  return /^[0-9a-f]+$/.test(plain) && plain.length >= LEAST_DIGITS && plain.length <= 64 ? plain : null
}

/** The whole of a SHA-256. */
export function requireFingerprint(text: string): string {
  const fingerprint = fingerprintOf(text)
  if (fingerprint?.length === 64) return fingerprint
  throw new DirectError('USAGE', `${JSON.stringify(text.slice(0, 100))} is not a whole SHA-256`, {
    hint: 'Give all 64 hex digits; colons and blanks between them do not matter.',
  })
}

/** The one of these that is meant by all of its digits or by the first of them; null: none is. */
export function oneOf(known: Iterable<string>, fingerprint: string): string | null {
  const [one, ...others] = new Set([...known].filter((sha256) => sha256.startsWith(fingerprint)))
  if (others.length === 0) return one ?? null
  throw new DirectError('USAGE', `${others.length + 1} certificates begin with ${fingerprint}`, {
    hint: 'Give more of the digits.',
  })
}

/** Who makes a change: an id, since it goes into the audit. */
export function requireActor(actor: string): void {
  if (actor.trim() !== '' && actor.length <= 200 && !/\p{Cc}/u.test(actor)) return
  throw new DirectError('USAGE', 'a change of trust must say who makes it', {
    hint: 'Give an id of yours as actor: it goes into the audit.',
  })
}
