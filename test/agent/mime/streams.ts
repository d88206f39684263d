import fc from 'fast-check'
import type { Source, Spool } from '../../../agent/smime/source.ts'

/** The bytes in chunks of `size`. */
export async function* inChunks(bytes: Uint8Array | string, size = 1 << 16): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(bytes)
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size)
}

/** The bytes cut at any places, empty chunks among them. */
export async function* cutAt(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  for (const to of places) {
    yield bytes.subarray(from, to)
    from = to
  }
}

export const anyCuts = fc.array(fc.nat(1 << 16), { maxLength: 20 })

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(Uint8Array.from(chunk))
  return Buffer.concat(all)
}

export async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return (await collect(chunks)).toString('latin1')
}

export function sourceOf(bytes: Uint8Array | string, chunk?: number): Source {
  return lending({ bytes: Buffer.byteLength(bytes), read: () => inChunks(bytes, chunk) })
}

/** What may be lent, to keep. */
export async function* copied(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

/** Whoever keeps a chunk of `lend` longer than it was lent finds it overwritten. */
export function lending(source: Source): Source {
  return {
    ...source,
    async *lend() {
      for await (const chunk of source.read()) {
        const copy = Buffer.from(chunk)
        yield copy
        copy.fill(0xaa)
      }
    },
  }
}

/** A spool in memory that counts what has not been disposed of. */
export function memorySpool(): Spool & { readonly open: () => number } {
  let open = 0
  const spool: Spool = async (chunks) => {
    const bytes = await collect(copied(chunks))
    open++
    return {
      ...sourceOf(bytes),
      async [Symbol.asyncDispose]() {
        open--
      },
    }
  }
  return Object.assign(spool, { open: () => open })
}
