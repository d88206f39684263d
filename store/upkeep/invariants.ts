import { type RawBuilder, sql } from 'kysely'
import { isNamed } from '../bodies.ts'
import type { StoreFinding } from '../upkeep-types.ts'

/** What must hold between tables. */
export interface Invariant {
  readonly area: StoreFinding['area']
  readonly code: StoreFinding['code']
  /** What holds, in words. */
  readonly fine: string
  /** The rows that break it: what each is about, and a fact or two. */
  readonly broken: RawBuilder<Broken>
  readonly text: (broken: Broken) => string
  readonly do: string
}

export interface Broken {
  readonly about: string
  readonly fact: string | number | null
  readonly other: string | number | null
}

const BODIES: Invariant = {
  area: 'bodies',
  code: 'BODY_INCOMPLETE',
  fine: 'every message, copy and mail that names a body has it whole',
  broken: sql`
    select 'body ' || bodies.id as about, bodies.bytes as fact, coalesce(sum(length(data)), 0) as other
    from bodies left join body_chunks on body_chunks.body = bodies.id
    where ${isNamed}
    group by bodies.id, bodies.bytes, bodies.complete
    having bodies.complete = 0
      or coalesce(sum(length(data)), 0) <> bodies.bytes
      or coalesce(max(seq), -1) + 1 <> count(seq)
    order by bodies.id`,
  text: ({ about, fact, other }) => `${about} is named and not whole: ${other} of ${fact} bytes`,
  do: 'Restore a backup that has it; what is queued with it cannot be sent.',
}

/** A recipient's part of a copy that is tried again. */
const pendingCopy = sql`
  copies join copy_recipients on copy_recipients.copy = copies.id
    and copy_recipients.state = 'pending' and copies.next_at is not null`

/** A copy that is tried again, or a wait that is asked about: else `queued` would stand for ever. */
const OUTBOX: Invariant = {
  area: 'outbox',
  code: 'QUEUED_FOR_EVER',
  fine: 'whatever is queued is tried again, or asked about',
  broken: sql`
    select message_id as about, address as fact, recipients.route as other
    from recipients join messages on messages.id = recipients.message
    where recipients.state = 'queued'
      and not exists (
        select 1 from ${pendingCopy}
        where copies.message = messages.id and copy_recipients.address = recipients.address)
      and not exists (
        select 1 from waiting_messages
        where waiting_messages.message = messages.id
          and recipients.route = 'undetermined' and messages.record_body is not null)
    order by recipients.id`,
  text: ({ fact, other }) => `${fact} (${other}) is queued, and nothing in the outbox goes there`,
  do: 'Send the message again; keep the store, and report it as a bug.',
}

/** Whoever was told of a failure must not find out that it was sent all the same. */
const DECIDED: Invariant = {
  area: 'outbox',
  code: 'SENT_IN_VAIN',
  fine: 'nothing is sent any more to whom nothing is queued',
  broken: sql`
    select message_id as about, recipients.address as fact, recipients.state as other
    from ${pendingCopy}
      join messages on messages.id = copies.message
      join recipients on recipients.message = messages.id and recipients.address = copy_recipients.address
    where recipients.state <> 'queued'
    order by recipients.id`,
  text: ({ fact, other }) => `${fact} is ${other}, and the outbox goes on sending there`,
  do: 'The recipient may get it once more, or after all: tell them; keep the store, and report it as a bug.',
}

const LOOK_FOR_IT = 'Look for it in the mailbox, and tell the sender; keep the store, and report it as a bug.'

const JUDGED: Invariant = {
  area: 'inbox',
  code: 'DELIVERY_MISSING',
  fine: 'every accepted mail has its deliveries',
  broken: sql`
    select message_id as about, mailbox as fact, uid as other from inbox_entries
    where state in ('judged', 'settled') and verdict = 'accept'
      and not exists (select 1 from entry_deliveries where entry = inbox_entries.id)
    order by id`,
  text: ({ fact, other }) => `mail ${other} of ${fact} was accepted, and there is no delivery of it`,
  do: LOOK_FOR_IT,
}

const SETTLED: Invariant = {
  area: 'inbox',
  code: 'DELIVERY_OPEN',
  fine: 'every mail that is settled was delivered, or rejected',
  broken: sql`
    select message_id as about, recipient as fact, inbox_entries.uid as other
    from inbox_deliveries join inbox_entries on inbox_entries.id = inbox_deliveries.entry
    where inbox_deliveries.state = 'pending' and inbox_entries.state = 'settled'
    order by inbox_deliveries.id`,
  text: ({ fact, other }) => `mail ${other} is settled, and was neither delivered to ${fact} nor rejected`,
  do: LOOK_FOR_IT,
}

const RECEIPTS: Invariant = {
  area: 'receipts',
  code: 'RECEIPT_LOST',
  fine: 'every receipt that was queued is on its way',
  broken: sql`
    select notices.message_id as about, notices.recipient as fact, kind as other from notices
    where state = 'queued' and not exists (
      select 1 from messages join recipients on recipients.message = messages.id
      where messages.message_id = notices.message_id and recipients.state = 'queued')
    order by id`,
  text: ({ fact, other }) =>
    `the receipt (${other}) for ${fact} is queued, and nothing in the outbox carries it`,
  do: 'The sender may not know that the message arrived: tell them; keep the store, and report it as a bug.',
}

/** What a daemon does within seconds (N-8). */
const TELL_WITHIN_MS = 3_600_000

function untold(now: Date): Invariant {
  return {
    area: 'receipts',
    code: 'SENDER_UNTOLD',
    fine: 'every sender was told of whoever failed or expired, or was within the last hour',
    broken: sql`
      select message_id as about, address as fact, state as other
      from recipients join messages on messages.id = recipients.message
      where untold = 1 and recipients.at < ${now.getTime() - TELL_WITHIN_MS}
      order by recipients.id`,
    text: ({ fact, other }) => `${fact} is ${other} for more than an hour, and no failure notice says so`,
    do: 'Let the daemon run, or direct receive --once: either tells the sender. If it does not, report it as a bug.',
  }
}

export function invariants(now: Date): readonly Invariant[] {
  return [BODIES, OUTBOX, DECIDED, JUDGED, SETTLED, RECEIPTS, untold(now)]
}
