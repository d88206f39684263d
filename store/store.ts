import type { Book } from './book-types.ts'
import type { CapabilityRecords } from './capability-types.ts'
import type { Deliveries, EventCursor } from './delivery-types.ts'
import type { Inbox } from './incoming-types.ts'
import type { Leases, PassRecords } from './lease-types.ts'
import type { Outbox, Tracking } from './outgoing-types.ts'
import type { TrustRecords } from './trust-types.ts'
import type { Audit, Bodies, Fetches } from './types.ts'
import type { Upkeep } from './upkeep-types.ts'
import type { Waiting } from './waiting-types.ts'

/**
 * What survives a restart. Times are Dates (UTC, milliseconds), addresses are lower-case keys, message ids are
 * with their angle brackets. No subject, no display name, no content: bodies are S/MIME as sealed or as received.
 */
export interface Store extends AsyncDisposable {
  readonly bodies: Bodies
  readonly outbox: Outbox
  readonly waiting: Waiting
  readonly inbox: Inbox
  readonly deliveries: Deliveries
  readonly eventCursor: EventCursor
  readonly tracking: Tracking
  readonly audit: Audit
  readonly fetches: Fetches
  readonly trust: TrustRecords
  readonly book: Book
  readonly capabilities: CapabilityRecords
  readonly upkeep: Upkeep
  readonly leases: Leases
  readonly passes: PassRecords
}
