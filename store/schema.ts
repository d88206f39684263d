import type { Generated, Transaction } from 'kysely'
import type { BookEntry } from './book-types.ts'
import type { InboxDelivery, InboxEntry, Judgement, Notice } from './incoming-types.ts'
import type { DeliveryState, NewMessage, NewRecipient, TrackingEventType } from './outgoing-types.ts'
import type { NoticeState } from './states.ts'
import type {
  AddedAnchorsTable,
  AddedBundlesTable,
  BundleCertificatesTable,
  BundlesTable,
  FetchesTable,
  PinsTable,
  RemovedAnchorsTable,
} from './trust-tables.ts'

/**
 * The tables as kysely sees them. Times are milliseconds since 1970 (UTC), lists are JSON text, flags are 0 or 1.
 * There is no column for a subject, a display name or content: what is not stored cannot leak (MSG-15).
 */
export interface Schema {
  schema_versions: { version: number; applied_at: number }
  bodies: BodiesTable
  body_chunks: { body: number; seq: number; data: Uint8Array }
  messages: MessagesTable
  recipients: RecipientsTable
  copies: CopiesTable
  copy_recipients: CopyRecipientsTable
  waiting_messages: WaitingMessagesTable
  inbox_entries: InboxEntriesTable
  inbox_deliveries: InboxDeliveriesTable
  entry_deliveries: { entry: number; delivery: number }
  notices: NoticesTable
  tracking_events: TrackingEventsTable
  audit: AuditTable
  audit_head: AuditHeadTable
  audit_documents: { audit: number; document: string }
  fetches: FetchesTable
  trust_revisions: { id: number; revision: number }
  added_anchors: AddedAnchorsTable
  removed_anchors: RemovedAnchorsTable
  added_bundles: AddedBundlesTable
  bundles: BundlesTable
  bundle_certificates: BundleCertificatesTable
  pins: PinsTable
  book: BookTable
  capabilities: CapabilitiesTable
  leases: LeasesTable
  positions: PositionsTable
}

export type Tx = Transaction<Schema>

interface BodiesTable {
  id: Generated<number>
  bytes: number
  complete: 0 | 1
  /** When the last chunk came: tells an abandoned body from one that is being written. */
  touched_at: number
  /** 1 once something refers to it: what no sweep has to look at. */
  kept: Generated<0 | 1>
  /** Hex, of all of it; null until it is complete, and for what was written before version 12. */
  sha256: string | null
}

interface MessagesTable {
  id: Generated<number>
  /** Not unique: a given file may be sent again under its own Message-ID, and so may an MDN (N-1). */
  message_id: string
  kind: NewMessage['kind']
  sender: string
  at: number
  actor: string | null
  patient: string | null
  documents: string
  idempotency_key: string | null
  record_body: number | null
  /** That `dispatched` was asked for (N-3). */
  final_wanted: Generated<0 | 1>
}

interface RecipientsTable {
  id: Generated<number>
  message: number
  address: string
  route: NewRecipient['route']
  certificate: string | null
  algorithms: string | null
  state: DeliveryState
  /** Why the present state. */
  why: string
  at: number
  /** By then the recipient's system has to have answered (N-7); null: nothing is waited for. */
  deadline: number | null
  /** 1: it failed or expired, and no failure notice tells the sender so yet (N-8). */
  untold: Generated<0 | 1>
}

interface CopiesTable {
  id: Generated<number>
  message: number
  route: 'direct' | 'tls'
  domain: string
  mail_from: string
  body: number
  attempts: number
  /** Null when every recipient is decided. */
  next_at: number | null
  /** Until then one process is sending it: a lease that ends by itself when the process dies. */
  held_until: number | null
}

interface CopyRecipientsTable {
  copy: number
  seq: number
  address: string
  state: 'pending' | 'accepted' | 'failed'
}

/** A row while some recipients of the message, those of route `undetermined`, wait until theirs is known (DISC-6). */
interface WaitingMessagesTable {
  message: number
  until: number
  asked: number
  next_at: number
  /** Until then one process is asking. */
  held_until: number | null
}

interface InboxEntriesTable {
  id: Generated<number>
  mailbox: string
  uid_validity: string
  uid: number
  state: InboxEntry['state']
  body: number | null
  attempts: number
  verdict: Judgement['verdict'] | null
  code: string | null
  message_id: string | null
  sender: string | null
  signer: string | null
  inner_sha256: string | null
  why: string
  recipients: string
  judged_at: number | null
  settled_at: number | null
  undetermined_since: number | null
  looked_at: number | null
}

interface InboxDeliveriesTable {
  id: Generated<number>
  /** The entry that opened it. */
  entry: number
  recipient: string
  signer: string
  inner_sha256: string
  state: InboxDelivery['state']
  delivered_to: string | null
  at: number
  /** Who hears what becomes of it, about which message, and by which Message-ID; null: nobody does. */
  author: string | null
  about: string | null
  later_id: string | null
  /** That the author asks for `dispatched` (N-4). */
  final_wanted: Generated<0 | 1>
  /** What it is called at each try, for whoever must not take it twice. */
  key: string | null
  /** How often it was tried, and when it is again; null: it is not tried by the clock. */
  attempts: Generated<number>
  next_at: number | null
  /** Until then one process is handing it over. */
  held_until: number | null
  /** Why the last try came to nothing. */
  why: Generated<string>
}

interface NoticesTable {
  id: Generated<number>
  kind: Notice['kind']
  /** What an MDN speaks of. */
  delivery: number | null
  /** What a failure notice speaks of. */
  message: number | null
  message_id: string
  sender: string
  recipient: string
  original_message_id: string
  /** The recipients that a failure notice tells of, as JSON. */
  detail: Generated<string>
  state: NoticeState
  attempts: number
  due_at: number
  created_at: number
}

interface TrackingEventsTable {
  id: Generated<number>
  type: TrackingEventType
  message_id: string | null
  address: string | null
  at: number
  why: string
}

interface AuditTable {
  id: Generated<number>
  at: number
  event: string
  actor: string | null
  message_id: string | null
  sender: string | null
  address: string | null
  route: string | null
  certificate: string | null
  algorithms: string | null
  documents: string
  patient: string | null
  outcome: string | null
  why: string
  /** What binds it to all rows before it (audit-chain.ts); null while the row is being chained. */
  chain: string | null
}

/** One row: where the chain of the audit ends, and where it begins since rows were pruned. */
interface AuditHeadTable {
  id: number
  rows: number
  last: number
  chain: string
  pruned_to: number
  pruned_chain: string
}

/** How addresses of the address book stood when they were last asked about. */
interface BookTable {
  /** Empty: no sender was named. */
  sender: string
  address: string
  route: BookEntry['route']
  certificates: string
  since: number
  ends_told: string
  asked_at: number
}

/** What correspondents' software can read; `ciphers` and `key_transport` are lists of names. */
interface CapabilitiesTable {
  id: Generated<number>
  address: string
  certificate: string
  ciphers: string
  key_transport: string
  signed_at: number
  taken_at: number
}

/** Which process does what only one may do at a time. It ends by itself when that process dies. */
interface LeasesTable {
  name: string
  holder: string
  until: number
}

/** How far somebody has come in a sequence: events that were told, say. */
interface PositionsTable {
  name: string
  position: number
}
