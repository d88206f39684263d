import { createHash } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Schema } from './schema.ts'

/**
 * What a delivery is called towards the EHR: the same at each try, and after the store was restored. 64 hex digits of what
 * makes a delivery one (IN-10), and for whom it was opened.
 */
export function deliveryKey(signer: string, innerSha256: string, recipients: readonly string[]): string {
  const named = [signer, innerSha256, ...recipients.toSorted()]
  return createHash('sha256').update(named.join(' ')).digest('hex')
}

type Row = Pick<Selectable<Schema['inbox_deliveries']>, 'key' | 'signer' | 'inner_sha256' | 'recipient'>

/** The same of a row. Opened before deliveries had keys, each is by itself. */
export function keyOf({ key, signer, inner_sha256, recipient }: Row): string {
  return key ?? deliveryKey(signer, inner_sha256, [recipient])
}
