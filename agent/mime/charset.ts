/** Text of bytes in a named charset; an unknown one is read as UTF-8. Bytes that fit neither become U+FFFD. */
export function decodeCharset(bytes: Uint8Array, charset: string): string {
  return (decoderFor(charset) ?? new TextDecoder()).decode(bytes)
}

function decoderFor(charset: string): { decode(bytes: Uint8Array): string } | null {
  try {
    return new TextDecoder(charset)
  } catch {
    // A RangeError is how the platform says that it does not know this label.
    return null
  }
}
