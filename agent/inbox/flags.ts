import type { ImapFolder } from '../../mailbox/index.ts'

/** Flags what is done with, all that waits in one command: while one is under way, others gather for the next. */
export class Flags {
  readonly #flag: ImapFolder['flagSeen']
  #gathering: { readonly uids: number[]; readonly flagged: Promise<void> } | null = null
  #underWay: Promise<void> = Promise.resolve()

  constructor(flag: ImapFolder['flagSeen']) {
    this.#flag = flag
  }

  async seen(uid: number): Promise<void> {
    this.#gathering ??= this.#gather()
    this.#gathering.uids.push(uid)
    await this.#gathering.flagged
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
