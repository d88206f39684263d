import type { Address } from '../address.ts'
import type { MessageCode, Reason } from '../errors.ts'
import { parseMailboxes } from '../mime/addresses.ts'
import type { Header } from '../mime/header.ts'
import type { ReceivedCipher } from '../smime/algorithms.ts'

/**
 * 3DES is decrypted only for partners of `legacy.tripleDesFrom`: first by what the outer header claims, as nothing else
 * is known then, and once more by the author who turned out to have signed.
 */

/** Whether the outer From is one mailbox of one of these domains. Anybody can write that. */
export function claimsToBeFrom(domains: readonly string[], outer: Header): boolean {
  if (domains.length === 0) return false
  const fields = outer.all('From')
  const { mailboxes } = parseMailboxes(fields[0] ?? '')
  const [from] = mailboxes
  return fields.length === 1 && mailboxes.length === 1 && from !== undefined && isIn(domains, from.address)
}

/** Null where the cipher is another one, or the author's domain is one of these. */
export function refuseTripleDes(
  domains: readonly string[],
  author: Address,
  cipher: ReceivedCipher,
): Reason<MessageCode> | null {
  if (cipher !== 'des-ede3-cbc' || isIn(domains, author)) return null
  const text = `the message of ${author} is encrypted with 3DES, and its domain is not in legacy.tripleDesFrom`
  return { code: 'ALGORITHM_REFUSED', text }
}

function isIn(domains: readonly string[], { domain }: Address): boolean {
  return domains.includes(domain)
}
