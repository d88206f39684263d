/** Keeps the last block of what a cipher in CBC decrypted, which may hold padding (RFC 5652 6.3). */
export class LastBlock {
  readonly #bytes: number
  #held: Buffer = Buffer.alloc(0)

  /** `blockBytes`: of the cipher. */
  constructor(blockBytes: number) {
    this.#bytes = blockBytes
  }

  /** What is certainly before the last block, of all that came so far, in pieces. `bytes`: whole blocks, at least one. */
  before(bytes: Buffer): readonly Buffer[] {
    const end = bytes.length - this.#bytes
    const ready = [this.#held, bytes.subarray(0, end)].filter(({ length }) => length > 0)
    this.#held = Buffer.from(bytes.subarray(end))
    return ready
  }

  /**
   * The last block without its padding; all of it where that is none. The same operations are done whatever the bytes
   * are (ALG-2).
   */
  end(): { readonly content: Buffer; readonly isPadded: boolean } {
    const block = this.#held
    const size = this.#bytes
    if (block.length !== size) return { content: block, isPadded: false }
    const count = block[size - 1] as number
    let wrong = Number(count === 0) | Number(count > size)
    for (let i = 0; i < size; i++) wrong |= Number(i < count) & Number(block[size - 1 - i] !== count)
    return {
      content: block.subarray(0, wrong === 0 ? size - count : size),
      isPadded: wrong === 0,
    }
  }
}
