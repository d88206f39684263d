/** What the software of a correspondent can read, as it said in a trusted message (RFC 8551 2.5.2). */
export interface KnownCapabilities {
  /** Lower-case: whose message it was. */
  readonly address: string
  /** SHA-256 of the certificate that signed it, lower-case hex. */
  readonly certificate: string
  /** Names of content encryptions, and of key transports, in the order of whoever said so. */
  readonly content: readonly string[]
  readonly keyTransport: readonly string[]
  /** The signing time. */
  readonly signedAt: Date
  /** When the message was taken in. */
  readonly takenAt: Date
}

/** What correspondents can read. Losing it loses nothing: they get what is configured. */
export interface CapabilityRecords {
  /**
   * Keeps what was signed last, of an address by each of its last 4 certificates: a message that is played again takes no
   * newer word's place. Of 50,000 the one taken in first goes.
   */
  put(known: KnownCapabilities): Promise<void>
  /** What the holder of this certificate said for the address; else what was signed last for it; null: nothing. */
  of(address: string, certificate: string): Promise<KnownCapabilities | null>
}
