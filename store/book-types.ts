/** A certificate that was chosen for an address, as it was then. */
export interface KnownCertificate {
  /** Lower-case hex. */
  readonly sha256: string
  /** The place of DISC-1 that published it. */
  readonly foundIn: string
  readonly boundTo: 'address' | 'domain'
  readonly notAfter: Date
}

/** How an address of the address book stood when that was last known. Only those that were once `direct` are kept. */
export interface BookEntry {
  /** Lower-case. */
  readonly address: string
  readonly route: 'direct' | 'tls' | 'insecure'
  /** Those to encrypt to; none off the route `direct`. */
  readonly certificates: readonly KnownCertificate[]
  /** Since when it is `direct`, or is so no more: the time when that was found. */
  readonly since: Date
  /** SHA-256 of certificates whose end was told, the last one last; a few. */
  readonly endsTold: readonly string[]
  readonly askedAt: Date
}

/**
 * What was told about the addresses of the address book, so that only changes are told next time. Each sender has a book
 * of its own, as each may have anchors of its own (DISC-10); '' is the one of who named no sender.
 */
export interface Book {
  /** Null: never known to be `direct`, or forgotten. */
  get(sender: string, address: string): Promise<BookEntry | null>
  /** All of them or none. */
  put(sender: string, entries: readonly BookEntry[]): Promise<void>
  /** Forgets, of every sender, who was last asked about before `askedBefore`. */
  forget(askedBefore: Date): Promise<void>
}
