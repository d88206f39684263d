/** An LDAPResult (RFC 4511 4.1.9). `text` is the server's own, made printable. */
export interface Result {
  readonly code: number
  readonly text: string
}

export const SUCCESS = 0
export const SIZE_LIMIT_EXCEEDED = 4

const NAMES: Readonly<Record<number, string>> = {
  0: 'success',
  1: 'operationsError',
  2: 'protocolError',
  3: 'timeLimitExceeded',
  4: 'sizeLimitExceeded',
  7: 'authMethodNotSupported',
  8: 'strongerAuthRequired',
  10: 'referral',
  11: 'adminLimitExceeded',
  12: 'unavailableCriticalExtension',
  13: 'confidentialityRequired',
  16: 'noSuchAttribute',
  17: 'undefinedAttributeType',
  18: 'inappropriateMatching',
  32: 'noSuchObject',
  34: 'invalidDNSyntax',
  48: 'inappropriateAuthentication',
  49: 'invalidCredentials',
  50: 'insufficientAccessRights',
  51: 'busy',
  52: 'unavailable',
  53: 'unwillingToPerform',
  54: 'loopDetect',
  71: 'affectsMultipleDSAs',
  80: 'other',
  123: 'authorizationDenied',
}

/** What a naming context answers that has nothing for us (DISC-8); operationsError is Active Directory's "bind first". */
const DENIALS = new Set([1, 7, 8, 10, 13, 16, 17, 18, 32, 34, 48, 49, 50, 53, 71, 123])

export function isDenial({ code }: Result): boolean {
  return DENIALS.has(code)
}

/** For a person: the code's name, and what the server says to it. */
export function showResult({ code, text }: Result): string {
  const name = NAMES[code] ?? 'an unknown result'
  return `${name} (${code})${text === '' ? '' : `: ${text}`}`
}

/** A stranger's text, without what could play tricks on a terminal or a log, and no longer than anyone reads. */
export function printable(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]+/g, '?').trim()
  return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain
}
