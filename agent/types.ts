import type { AuditRow, StoredMessage, TrackingEvent, UntakenMessage } from '../store/index.ts'
import type { Change, ChangesOptions } from './book/types.ts'
import type { DoctorOptions, Finding } from './doctor/types.ts'
import type { ExplainOptions, ExplainTarget, Explanation } from './explain/types.ts'
import type { IdentityAdministration } from './identities/types.ts'
import type { Health } from './operations/types.ts'
import type { Delivery, LostReceipt, Opened, OpenRequest, ReceiveReport } from './receiving-types.ts'
import type { Discovery, Recipient } from './recipient-types.ts'
import type { Configured } from './run/duties.ts'
import type { Draft, MessageFile, SealResult, SendOptions, Sent } from './sending-types.ts'
import type { PinAdministration, TrustAdministration } from './trust/types.ts'
import type { StoreAdministration } from './upkeep/types.ts'
import type { ZoneAdministration } from './zone/types.ts'

/** What `createAgent` gives. */
export interface Agent extends AsyncDisposable {
  /**
   * What an administrator should always be told, a sentence each: trust in a test CA, anchors that are not valid now,
   * bundles that cannot be had, and, unless `own` is false, what is wrong with our own certificates: whatever needs one of
   * those says so itself. Unless `ends` is false, what ends within 60 days: `run` logs that by itself. Throws
   * CERT_UNREADABLE for a file of the configuration.
   */
  notices(options?: { readonly own?: boolean; readonly ends?: boolean }): Promise<readonly string[]>
  /**
   * Each address's route and why, in the order asked. `from` chooses the anchors (DISC-10). What is wrong with an address
   * is its answer; throws ADDRESS_INVALID for `from`, CERT_UNREADABLE, ABORTED.
   */
  classify(
    addresses: readonly string[],
    options?: { readonly from?: string; readonly signal?: AbortSignal },
  ): Promise<readonly Recipient[]>
  /**
   * `classify` for an address book of any length: one answer for each address, in their order, as soon as it is known.
   * Some sixty are looked up side by side, at most eight of one domain; addresses are taken as answers are, at most a
   * thousand ahead. An address that comes again is answered from what is known (DISC-11). Leaving the loop gives up
   * what is under way. Throws as `classify`, USAGE where a recording was handed in, and what `addresses` throws, after
   * the answers to those before.
   */
  classifyEach(
    addresses: Iterable<string> | AsyncIterable<string>,
    options?: { readonly from?: string; readonly signal?: AbortSignal },
  ): AsyncIterable<Recipient>
  /**
   * What changed about the addresses of an address book since the last time that `from` asked: who became `direct`, who
   * is so no more, whose certificate ends soon. The first time, everyone who is `direct` became so. A change is told once,
   * at least: it counts as told when the next one is asked for, so that after a crash some are told again. What is
   * `undetermined` changes nothing. An address that nobody asked about for a year is forgotten.
   * Throws as `classifyEach`, and STORE_FAILED.
   */
  changes(
    addresses: Iterable<string> | AsyncIterable<string>,
    options?: ChangesOptions,
  ): AsyncIterable<Change>
  /**
   * Every certificate found for one address and the verdict on it. What is wrong with the address is its answer; throws as
   * `classify`.
   */
  discover(
    address: string,
    options?: { readonly from?: string; readonly signal?: AbortSignal },
  ): Promise<Discovery>
  /**
   * Why an address can be sent to or not, or whether what is in a file (certificates, a message) is believed: everything
   * that was tried, for the administrator. Throws ADDRESS_INVALID for an address of ours, FILE_UNREADABLE.
   */
  explain(target: ExplainTarget, options?: ExplainOptions): Promise<Explanation>
  /** What `send` would do, without doing it. Throws as `send` does. */
  plan(draft: Draft | MessageFile, options?: SendOptions): Promise<Sent>
  /**
   * Classifies, signs, encrypts, queues durably and tries SMTP once: one result for each recipient. Throws DirectError
   * for what is wrong with the sender (`ADDRESS_INVALID`, `IDENTITY_MISSING`, `IDENTITY_UNUSABLE`), the message (`USAGE`,
   * `MESSAGE_INVALID`, `LIMIT_EXCEEDED`, `FILE_UNREADABLE`, `IDEMPOTENCY_CONFLICT`) or the configuration (`NO_ANCHORS`,
   * `CONFIG_INVALID`): nothing was sent then. FILE_UNREADABLE too for an attachment's stream that fails, which is its `cause`.
   */
  send(draft: Draft | MessageFile, options?: SendOptions): Promise<Sent>
  /** Signs and encrypts a file into `out`, `out.2`, …, all copies or none; nothing is sent. Throws as `send`. */
  seal(message: MessageFile & { readonly out: string }): Promise<SealResult>
  /**
   * Decrypts, verifies and judges a file; stateless. What is wrong with the message is the answer; throws ADDRESS_INVALID
   * for `to`, FILE_UNREADABLE, FILE_UNWRITABLE for `out`, and for our own keys KEY_UNREADABLE, CERT_UNREADABLE.
   */
  open(request: OpenRequest): Promise<Opened>
  /** Trusted messages, as they come, until `signal` aborts. MDNs update the tracking and are not yielded. */
  receive(options?: { readonly signal?: AbortSignal }): AsyncIterable<Delivery>
  /**
   * One pass over the mailboxes; with `deliverTo`, into folders there, otherwise only judged and listed. `onLostReceipt`
   * hears, after the last report, of receipts that are given up in this pass, or that SMTP refuses for good.
   */
  receiveOnce(options?: {
    readonly deliverTo?: string
    readonly onLostReceipt?: (receipt: LostReceipt) => void
    readonly signal?: AbortSignal
  }): AsyncIterable<ReceiveReport>
  /** What the configuration has `run` do; nothing is read for it. */
  readonly configured: Configured
  /**
   * Reads what `run` reads at its start (keys, certificates, anchors, secrets of servers, the store) and throws what it
   * would throw then: CONFIG_INVALID where there is nothing to do. No server is contacted.
   */
  check(): Promise<void>
  /**
   * The daemon: mailboxes, outbox, who waits for a route, MDNs, until `signal` aborts, or the agent is disposed of, which
   * waits for it. `deliverTo` as for `receiveOnce`; without it messages go where the configuration's `deliver` says, or nowhere.
   * `onStarted` is called once nothing can keep it from running any more.
   */
  run(options: {
    readonly deliverTo?: string
    readonly signal: AbortSignal
    readonly onStarted?: () => void
  }): Promise<void>
  /**
   * Looks whether this installation can do its work: its files, its keys, its servers, what strangers see of it. What is
   * wrong is a finding with what to do; servers are asked, nothing is sent, fetched or changed. Throws ABORTED.
   */
  doctor(options?: DoctorOptions): AsyncIterable<Finding>
  /** Whether the store answers, and, while this agent runs, whether each mailbox is read. */
  health(): Promise<Health>
  /** Deliveries and their state, newest first; throws nothing for an unknown id, returns none. */
  status(messageId?: string): Promise<readonly StoredMessage[]>
  /**
   * Received messages that were accepted and that the EHR has yet to take, oldest first: since when they wait, why, how
   * often each was tried and when it is again.
   */
  untaken(messageId?: string): Promise<readonly UntakenMessage[]>
  /**
   * What becomes known from when the first is asked for (or after event `after`), in order, until `signal` aborts. Throws
   * STORE_FAILED.
   */
  events(options?: { readonly signal?: AbortSignal; readonly after?: number }): AsyncIterable<TrackingEvent>
  /**
   * Who sent and received what, when, by which route; oldest first. A Message-ID selects the receipts for it too (`about`);
   * a document or patient its whole messages.
   */
  audit(filter?: {
    readonly messageId?: string
    readonly document?: string
    readonly patient?: string
  }): AsyncIterable<AuditRow>
  /** Our own certificates: asked for, taken from the CA, listed with their ends. */
  readonly identities: IdentityAdministration
  /** Anchors and bundles, listed and changed by hand (TR-1, TR-4). */
  readonly trust: TrustAdministration
  /** Certificates pinned to partners' addresses (TR-5). */
  readonly pins: PinAdministration
  /** Publishing our own certificates (H1 to H4). */
  readonly zone: ZoneAdministration
  /** The store as a whole: check, backup, restore. */
  readonly store: StoreAdministration
}
