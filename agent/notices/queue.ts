import type { NewCopy, Notice, Store } from '../../store/index.ts'
import type { Address } from '../address.ts'
import type { Reason } from '../errors.ts'
import type { Source } from '../smime/source.ts'
import { toStore } from '../stored-source.ts'

/** A notice of ours, sealed: what the outbox takes. */
export interface SealedNotice {
  readonly from: Address
  readonly to: Address
  /** The outer message. */
  readonly message: Source
  /** Hex SHA-256 of the certificate encrypted to. */
  readonly certificate: string
  readonly sealedBy: NonNullable<NewCopy['sealedBy']>
  readonly why: readonly Reason[]
}

/** Into the outbox, under the Message-ID that it keeps; nothing where another process was first. */
export async function queueNotice(
  { id, kind, messageId }: Notice,
  { from, to, message, certificate, sealedBy, why }: SealedNotice,
  { store, now }: { readonly store: Pick<Store, 'bodies' | 'outbox'>; readonly now: () => Date },
): Promise<void> {
  const body = await toStore(message, store)
  await store.outbox.add(
    {
      messageId,
      kind: kind === 'failure' ? 'failure' : 'notification',
      from: from.key,
      at: now(),
      actor: null,
      patient: null,
      documents: [],
      idempotencyKey: null,
      recordBody: null,
      recipients: [{ address: to.key, route: 'direct', state: 'queued', why, certificate }],
      copies: [
        {
          route: 'direct',
          domain: to.domain,
          mailFrom: from.toString(),
          recipients: [to.toString()],
          body,
          sealedBy,
        },
      ],
    },
    id,
  )
}
