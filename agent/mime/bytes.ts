/** The same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Neither 8-bit characters nor controls but TAB. */
export function isAsciiText(text: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(text)
}
