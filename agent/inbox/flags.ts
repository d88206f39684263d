import type { ImapFolder } from '../../mailbox/index.ts'
import { DirectError } from '../errors.ts'

/**
 * Flags what is done with, all that waits in one command: while one is under way, others gather for the next. What cannot be
 * flagged is done with all the same, as the ledger says: whoever passes over the folder tells of it at the end. `owed`: UIDs of
 * what could not be flagged, in any pass.
 */
export class Flags {
  readonly #flag: ImapFolder['flagSeen']
  readonly #owed: Set<number>
  #failure: DirectError | null = null
  #gathering: { readonly uids: number[]; readonly flagged: Promise<void> } | null = null
  #underWay: Promise<void> = Promise.resolve()

  constructor(flag: ImapFolder['flagSeen'], owed = new Set<number>()) {
    this.#flag = flag
    this.#owed = owed
  }

  async seen(uid: number): Promise<void> {
    this.#gathering ??= this.#gather()
    this.#gathering.uids.push(uid)
    try {
      await this.#gathering.flagged
    } catch (error) {
      if (!(error instanceof DirectError)) throw error
      this.#failure ??= error
      this.#owed.add(uid)
    }
  }

  /** What is owed, once more; why it is refused again, or null. */
  async again(): Promise<DirectError | null> {
    if (this.#owed.size === 0) return null
    try {
      await this.#flag([...this.#owed])
      this.#owed.clear()
      return null
    } catch (error) {
      if (error instanceof DirectError && error.code === 'IMAP_REFUSED') return error
      throw error
    }
  }

  /** What else the server will not do with one that is done with, and is not asked for again. */
  refused(error: DirectError): void {
    this.#failure ??= error
  }

  /** Why the first that could not be flagged, or moved, could not. */
  get failure(): DirectError | null {
    return this.#failure
  }

  #gather() {
    const uids: number[] = []
    const flagged = Promise.allSettled([this.#underWay]).then(() => {
      this.#gathering = null
      return this.#flag(uids)
    })
    this.#underWay = flagged
    return { uids, flagged }
  }
}
