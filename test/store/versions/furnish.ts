import type { Book, CapabilityRecords, Inbox, Store, TrustRecords, Waiting } from '../../../store/index.ts'
import { accepted, at, bytes, message } from '../scenario.ts'

/** A store of any version of ours: what a version had not yet is not there. */
export type AnyStore = Pick<Store, 'bodies' | 'outbox' | 'tracking' | 'audit'> & {
  readonly inbox: Inbox | FirstInbox
  readonly trust?: TrustRecords
  readonly waiting?: Waiting
  readonly book?: Book
  readonly capabilities?: CapabilityRecords
}

/** Until version 8. */
type FirstInbox = Pick<Inbox, 'judged'> & {
  entry(mailbox: string, uidValidity: string, uid: number): Promise<{ readonly id: number }>
  stored(id: number, body: number): Promise<void>
  delivered(delivery: number, outcome: 'delivered', where: string, at: Date): Promise<void>
  settled(id: number, at: Date): Promise<void>
}

/** What the tests look for in it, whatever the version. */
export const KNOWN = {
  dispatched: '<dispatched@clinic.example>',
  due: '<due@clinic.example>',
  sealed: 'sealed, as it goes out',
  received: 'received, as it came',
} as const

/** One of everything that the version knows: settled, and still open. */
export async function furnish(store: AnyStore): Promise<void> {
  await outgoing(store)
  await incoming(store.inbox, store.bodies)
  await store.trust?.addAnchor({
    for: '*',
    direction: 'both',
    der: new Uint8Array([1, 2, 3]),
    sha256: '12'.repeat(32),
    actor: 'kim',
    at: at(30),
  })
  if (store.waiting !== undefined) await waiting(store)
  await store.book?.put('kim@clinic.example', [
    {
      address: 'lee@hisp.example',
      route: 'direct',
      certificates: [],
      since: at(31),
      endsTold: [],
      askedAt: at(32),
    },
  ])
  await store.capabilities?.put({
    address: 'lee@hisp.example',
    certificate: 'cd'.repeat(32),
    content: ['aes-256-gcm'],
    keyTransport: [],
    signedAt: at(33),
    takenAt: at(34),
  })
}

async function outgoing({ bodies, outbox, tracking }: AnyStore): Promise<void> {
  const recordBody = await bodies.write(bytes('record'))
  const sent = message(await bodies.write(bytes(KNOWN.sealed)), { messageId: KNOWN.dispatched, recordBody })
  await outbox.add({ ...sent, idempotencyKey: 'visit-1' })
  for (const { id } of await outbox.claim(at(1), at(60)))
    await outbox.tried(
      id,
      [{ address: 'lee@hisp.example', outcome: 'accepted', reply: '250 ok' }],
      at(2),
      null,
    )
  for (const disposition of ['processed', 'dispatched'] as const) {
    const mdn = { originalMessageId: KNOWN.dispatched, recipient: 'lee@hisp.example', disposition }
    await tracking.notified(mdn, at(3), [])
  }
  const due = message(await bodies.write(bytes(KNOWN.sealed)), { messageId: KNOWN.due, at: at(4) })
  await outbox.add(due)
}

async function incoming(inbox: AnyStore['inbox'], bodies: AnyStore['bodies']): Promise<void> {
  const notice = {
    recipient: 'kim@clinic.example',
    messageId: '<mdn@clinic.example>',
    to: 'lee@hisp.example',
    originalMessageId: '<m1@hisp.example>',
    laterMessageId: null,
    finalWanted: false,
  }
  const body = await bodies.write(bytes(KNOWN.received))
  const id = await begun(inbox, 1, body)
  const [delivery] = await inbox.judged(id, accepted(['kim@clinic.example']), [notice], at(20))
  await settled(inbox, id, delivery?.id ?? 0)
  await begun(inbox, 2, await bodies.write(bytes(KNOWN.received)))
}

async function begun(inbox: AnyStore['inbox'], uid: number, body: number): Promise<number> {
  if ('begin' in inbox) return (await inbox.begin('m', '1', uid, body)).id
  const { id } = await inbox.entry('m', '1', uid)
  await inbox.stored(id, body)
  return id
}

async function settled(inbox: AnyStore['inbox'], id: number, delivery: number): Promise<void> {
  if ('settle' in inbox) return inbox.settle(id, [{ delivery, outcome: 'delivered', where: 'in/ef' }], at(21))
  await inbox.delivered(delivery, 'delivered', 'in/ef', at(21))
  await inbox.settled(id, at(21))
}

async function waiting({ bodies, outbox }: AnyStore): Promise<void> {
  const recordBody = await bodies.write(bytes('record'))
  const base = message(recordBody, { messageId: '<waits@clinic.example>', recordBody, copies: [], at: at(5) })
  const recipients = base.recipients.map((one) => ({
    ...one,
    route: 'undetermined' as const,
    certificate: null,
  }))
  await outbox.add({ ...base, recipients, wait: { until: at(3600), nextAt: at(60) } })
}
