import { Gathered } from '../mime/bytes.ts'

/** Of a file, what is read or written at a time. */
export const BLOCK = 1 << 18

/** The chunks of a file, each fetched while the one before is worked on: two are good at a time, if they are lent. */
export async function* readAhead<T>(chunks: AsyncGenerator<T>): AsyncGenerator<T> {
  const ask = () => {
    const next = chunks.next()
    // It is told when it is waited for, not while nobody does.
    next.catch(() => undefined)
    return next
  }
  try {
    for (let next = ask(); ; ) {
      const { done, value } = await next
      if (done) return
      next = ask()
      yield value
    }
  } finally {
    // What is being fetched has come before whoever stops early closes the file.
    await chunks.return(undefined)
  }
}

/** Writes chunks, which may be lent, each block while the next one is being made: two are copied and held, no more. */
export async function writeBehind(
  write: (block: Uint8Array) => Promise<void>,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  using one = new Gathered()
  using other = new Gathered()
  let [filling, writing] = [one, other]
  /** What became of the last block: null, or why it could not be written. */
  let written: Promise<unknown> = Promise.resolve(null)
  const requireWritten = async () => {
    const failure = await written
    if (failure !== null) throw failure
  }
  const begin = async () => {
    await requireWritten()
    ;[filling, writing] = [writing, filling]
    written = write(writing.bytes).then(
      () => null,
      (error: unknown) => error,
    )
    filling.clear()
  }
  try {
    for await (const chunk of chunks)
      for (let at = 0; at < chunk.length; at += BLOCK) {
        filling.add(chunk.subarray(at, at + BLOCK))
        if (filling.length >= BLOCK) await begin()
      }
    if (filling.length > 0) await begin()
    await requireWritten()
  } finally {
    // Its memory goes when this ends.
    await written
  }
}
