import { createHash } from 'node:crypto'

/**
 * What a delivery is called towards the EHR: the same at each try, and after the store was restored. 64 hex digits of what
 * makes a delivery one (IN-10), and for whom it was opened.
 */
export function deliveryKey(signer: string, innerSha256: string, recipients: readonly string[]): string {
  const named = [signer, innerSha256, ...recipients.toSorted()]
  return createHash('sha256').update(named.join(' ')).digest('hex')
}
