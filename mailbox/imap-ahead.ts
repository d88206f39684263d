import { DirectError } from '../agent/errors.ts'
import type { Handed } from './imap-reading.ts'

/** Messages that one question is for. */
const TOGETHER = 16

/**
 * Short messages that are about to be fetched in a known order, several with one question. `ask` gives what the server
 * has of those that it is asked for.
 */
export class Ahead {
  readonly #ask: (uids: readonly number[]) => Promise<ReadonlyMap<number, Handed>>
  #expected: number[] = []
  readonly #coming = new Map<number, Promise<Handed | null>>()

  constructor(ask: (uids: readonly number[]) => Promise<ReadonlyMap<number, Handed>>) {
    this.#ask = ask
  }

  /** In this order, as far as they are fetched at all. What was expected before is not any more. */
  expect(uids: readonly number[]): void {
    this.#expected = [...uids]
    this.#coming.clear()
  }

  /** Each once. Null: it has to be asked for by itself. */
  async message(uid: number): Promise<Handed | null> {
    if (!this.#coming.has(uid)) this.#askFrom(uid)
    const coming = this.#coming.get(uid) ?? null
    this.#coming.delete(uid)
    return await coming
  }

  #askFrom(uid: number): void {
    const at = this.#expected.indexOf(uid)
    const together = at < 0 ? [uid] : this.#expected.splice(at, TOGETHER)
    const asked = this.#ask(together).catch((error: unknown) => {
      // One that the server will not hand over refuses them all: each by itself, it is told which.
      if (error instanceof DirectError && error.code === 'IMAP_REFUSED') return new Map<number, Handed>()
      throw error
    })
    for (const one of together) {
      const coming = asked.then((found) => found.get(one) ?? null)
      // Told to whoever fetches it, if anybody does.
      coming.catch(() => undefined)
      this.#coming.set(one, coming)
    }
  }
}
