import { transferEncoding } from '../../mime/transfer.ts'
import { isText } from '../beginning.ts'

/** Whether there is nothing but line ends and blanks. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x0d || byte === 0x0a || byte === 0x20 || byte === 0x09)
}

/**
 * Lines of base64 whose reader stops where what they encode ends, and of which the rest is looked at afterwards: blocks
 * put behind a message that is encrypted by AES-CBC come out as random bytes, and whether they end in a padding is
 * nobody's business (protocol.md ALG-2).
 */
export class TextToItsEnd implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  #last: Uint8Array = new Uint8Array()

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const next = await this.#source.next()
    if (!next.done) this.#last = next.value
    return next
  }

  /** The source stays open for what is left of it. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    return { done: true, value: undefined }
  }

  /** Whether what was read last and all that is left is text. Other encodings than base64 have no text to end. */
  async isTextToItsEnd(encoding: string | null): Promise<boolean> {
    if (transferEncoding(encoding) !== 'base64') return true
    let isClean = isText(this.#last)
    for (let next = await this.next(); !next.done; next = await this.next()) isClean &&= isText(next.value)
    return isClean
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this
  }
}
