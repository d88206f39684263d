import type { Reason } from '../agent/errors.ts'

export type BodyId = number

/** Message bodies as chunk rows; complete or absent, never half. */
export interface Bodies {
  /**
   * Writes all chunks, then marks the body complete. When `chunks` throws, what was written is removed; what a kill
   * left behind is swept at a later `openStore`: bodies, complete or not, that no message, copy or inbox entry
   * names and that nobody wrote to for 24 h. Name a body (`add`, `stored`) within that time.
   */
  write(chunks: AsyncIterable<Uint8Array>): Promise<BodyId>
  /** Length in bytes. Throws DirectError STORE_FAILED when there is no such complete body. */
  size(id: BodyId): Promise<number>
  /**
   * Throws DirectError STORE_DAMAGED, before the last piece, when it is not what was written: by the SHA-256 that it got
   * when it was. What was written before version 12 of the store has none, and is looked at for its length alone.
   */
  read(id: BodyId): AsyncIterable<Uint8Array>
  /** Throws what `read` throws: for whoever must not begin to use a damaged one. */
  verify(id: BodyId): Promise<void>
  /** Throws DirectError STORE_FAILED when a message, copy or inbox entry names it. */
  remove(id: BodyId): Promise<void>
}

/** By what a message was sealed or opened, as `message open` names it. Null: no signature that counts. */
export interface MessageAlgorithms {
  readonly content: string
  readonly keyTransport: string
  readonly digest: string | null
  readonly signature: string | null
}

/** One row of the audit: who did what, when, with which certificate, about which document and patient. */
export interface AuditRow {
  /** Ascending, in the order in which it was written. */
  readonly id: number
  readonly at: Date
  /** What happened; docs/daemon.md lists the words. */
  readonly event: string
  /** Who did it, as `actor` was given; null: direct-agent by itself, or nobody was named. */
  readonly actor: string | null
  /** With its angle brackets, as in the header; null: it is about no message, or about one that had none. */
  readonly messageId: string | null
  /** Of an MDN of ours: the message that it answers, by its Message-ID as received. */
  readonly about: string | null
  /** The author's address. */
  readonly from: string | null
  /** The one recipient that the row is about. */
  readonly address: string | null
  /** By which a message of ours goes: `direct`, `tls`, …; null in rows of received mail. */
  readonly route: string | null
  /** SHA-256, in hexadecimal, of the certificate that it was encrypted to, that signed it, or that the row is about. */
  readonly certificate: string | null
  /** Null where nothing was sealed or opened, and in rows of before version 7 of the store. */
  readonly algorithms: MessageAlgorithms | null
  /** Ids, as `documents` and `patient` were given when it was sent. */
  readonly documents: readonly string[]
  readonly patient: string | null
  /** The state that it came to. */
  readonly outcome: string | null
  readonly why: readonly Reason[]
}

/** The store knows the rest. */
export type NewAuditRow = Omit<AuditRow, 'id' | 'about' | 'algorithms'> &
  Partial<Pick<AuditRow, 'algorithms'>>

export interface Audit {
  add(row: NewAuditRow): Promise<void>
  /**
   * Oldest first. A Message-ID selects the rows of that message and of the MDNs that answer it; a document or patient
   * every row of the messages that carried it. `event`: rows of that alone. `after`: those behind that row alone.
   */
  list(filter?: {
    readonly messageId?: string
    readonly document?: string
    readonly patient?: string
    readonly event?: string
    readonly after?: number
  }): AsyncIterable<AuditRow>
}

/** Something fetched from a URL that a certificate names: public bytes, kept so that a dead host stops no mail at once. */
export interface StoredFetch {
  /** The URL; for OCSP the URL and what it was asked about. */
  readonly key: string
  readonly url: string
  readonly kind: 'crl' | 'ocsp' | 'issuer'
  /** An OCSP request to repeat (without nonce); null for a GET. */
  readonly request: Uint8Array | null
  readonly body: Uint8Array
  readonly fetchedAt: Date
  /** When it should be fetched anew, ahead of need: before what it says ends. */
  readonly refreshAt: Date
}

/** A bounded cache; losing it loses nothing but time. */
export interface Fetches {
  /** Marks it as used at `now`; null: looks without use, as a refresh does. */
  get(key: string, now: Date | null): Promise<StoredFetch | null>
  /** Replaces. What was unused for longest goes when all together pass 128 MiB: issuers first, which anybody can name. */
  put(fetch: StoredFetch, now: Date): Promise<void>
  /** Used since `usedSince` and due by `now`, what is due for longest first, issuers last; without bodies, as they may be large. */
  due(now: Date, usedSince: Date, limit: number): Promise<readonly Omit<StoredFetch, 'body'>[]>
  /** It could not be refreshed: due again at `refreshAt`. */
  postpone(key: string, refreshAt: Date): Promise<void>
}
