import { BLOCK_BYTES } from '../algorithms.ts'

/** Keeps the last block of what AES-CBC decrypted, which may hold padding (RFC 5652 6.3). */
export class LastBlock {
  #held: Buffer = Buffer.alloc(0)

  /** What is certainly before the last block, of all that came so far, in pieces. `bytes`: whole blocks, at least one. */
  before(bytes: Buffer): readonly Buffer[] {
    const end = bytes.length - BLOCK_BYTES
    const ready = [this.#held, bytes.subarray(0, end)].filter(({ length }) => length > 0)
    this.#held = bytes.subarray(end)
    return ready
  }

  /**
   * The last block without its padding; all of it where that is none. The same operations are done whatever the bytes
   * are (ALG-2).
   */
  end(): { readonly content: Buffer; readonly isPadded: boolean } {
    const block = this.#held
    if (block.length !== BLOCK_BYTES) return { content: block, isPadded: false }
    const count = block[BLOCK_BYTES - 1] as number
    let wrong = Number(count === 0) | Number(count > BLOCK_BYTES)
    for (let i = 0; i < BLOCK_BYTES; i++)
      wrong |= Number(i < count) & Number(block[BLOCK_BYTES - 1 - i] !== count)
    return {
      content: block.subarray(0, wrong === 0 ? BLOCK_BYTES - count : BLOCK_BYTES),
      isPadded: wrong === 0,
    }
  }
}
