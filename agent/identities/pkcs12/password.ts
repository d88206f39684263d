/** A password as the functions of PKCS#12 take it. */
export interface Password {
  /** Big-endian, with two zero bytes at the end (RFC 7292 B.1). */
  readonly utf16: Uint8Array
  readonly utf8: Uint8Array
}

/** The forms that a password may have been given in: of none there are two, and both are written. */
export function formsOf(password: string | undefined): readonly Password[] {
  const utf8 = Buffer.from(password ?? '', 'utf8')
  const terminated = Buffer.from(`${password ?? ''}\0`, 'utf16le').swap16()
  const given = { utf8, utf16: terminated }
  return utf8.length > 0 ? [given] : [given, { utf8, utf16: Buffer.alloc(0) }]
}
