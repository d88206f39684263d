import { DirectError } from '../agent/errors.ts'

/** What a server has said of a message: its size, and bytes from its first one on. */
export interface Beginning {
  readonly size: number
  readonly bytes: Uint8Array
}

/** Bytes of each message that come with those of others: most messages are no longer. */
export const BEGINNING = 64 * 1024
/** Messages that one question is for: a megabyte at most. */
const TOGETHER = 16

/**
 * The beginnings of messages that are about to be fetched in a known order, several with one question. `ask` gives what
 * the server has of those that it is asked for.
 */
export class Ahead {
  readonly #ask: (uids: readonly number[]) => Promise<ReadonlyMap<number, Beginning>>
  #expected: number[] = []
  readonly #coming = new Map<number, Promise<Beginning | null>>()

  constructor(ask: (uids: readonly number[]) => Promise<ReadonlyMap<number, Beginning>>) {
    this.#ask = ask
  }

  /** In this order, as far as they are fetched at all. What was expected before is not any more. */
  expect(uids: readonly number[]): void {
    this.#expected = [...uids]
    this.#coming.clear()
  }

  /** Each once. Null: it has to be asked for by itself. */
  async beginning(uid: number): Promise<Beginning | null> {
    if (!this.#coming.has(uid)) this.#askFrom(uid)
    const coming = this.#coming.get(uid) ?? null
    this.#coming.delete(uid)
    return await coming
  }

  #askFrom(uid: number): void {
    const at = this.#expected.indexOf(uid)
    if (at < 0) return
    const [first, ...others] = this.#expected.splice(at, TOGETHER)
    if (first === undefined || others.length === 0) return
    const asked = this.#ask([first, ...others]).catch((error: unknown) => {
      // One that the server will not hand over refuses them all: each by itself, it is told which.
      if (error instanceof DirectError && error.code === 'IMAP_REFUSED') return new Map<number, Beginning>()
      throw error
    })
    for (const one of [first, ...others]) {
      const coming = asked.then((found) => found.get(one) ?? null)
      // Told to whoever fetches it, if anybody does.
      coming.catch(() => undefined)
      this.#coming.set(one, coming)
    }
  }
}
