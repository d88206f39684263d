/** The same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

const NO_BYTES = Buffer.alloc(0)
/** Often one large piece comes, and a cipher's last block behind it. */
const FOR_THE_LAST = 64

/** Bytes that arrive in pieces, copied into one buffer that grows by doubling. */
export class Gathered {
  #buffer: Buffer = NO_BYTES
  #length = 0

  get length(): number {
    return this.#length
  }

  /** A view, good until more is added. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  add(chunk: Uint8Array): void {
    const length = this.#length + chunk.length
    if (length > this.#buffer.length) {
      const grown = unpooled(Math.max(length + FOR_THE_LAST, 2 * this.#buffer.length))
      this.#buffer.copy(grown, 0, 0, this.#length)
      release(this.#buffer)
      this.#buffer = grown
    }
    this.#buffer.set(chunk, this.#length)
    this.#length = length
  }

  /** The buffer stays for what comes next. */
  clear(): void {
    this.#length = 0
  }

  /** Views of it are good no longer. */
  [Symbol.dispose](): void {
    this.#length = 0
    release(this.#buffer)
    this.#buffer = NO_BYTES
  }
}

/** Fewer are left to the garbage collector, which needs less time for them than it takes to give them back. */
const WORTH_RELEASING = 1 << 12

/** A buffer that `release` can give back: Node cuts those of up to 32 KB out of larger ones. */
export function unpooled(bytes: number): Buffer {
  return bytes < WORTH_RELEASING ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes)
}

/**
 * Gives the memory of bytes back that nobody reads any more. node:crypto makes a new buffer of each chunk, and for every
 * 70 MB of them the garbage collector goes through all that is alive: three quarters of the time that encrypting takes.
 * What shares its memory with other bytes stays.
 */
export function release(bytes: Uint8Array): void {
  if (bytes.length < WORTH_RELEASING) return
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) buffer.transfer(0)
}

/** Chunks that are nobody else's, released as soon as the next one is asked for. */
export async function* lending(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk
    release(chunk)
  }
}

/** Each chunk, which may be lent, in memory of its own: for whoever may write into it, or hand it on to another thread. */
export async function* owned(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield asBuffer(new Uint8Array(chunk))
}
