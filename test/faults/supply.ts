import { setTimeout as pause } from 'node:timers/promises'
import type { Agent } from '../../agent/index.ts'
import type { ImapFolder } from '../../mailbox/index.ts'
import { type Injected, injectOne } from './inject.ts'

/** So many are on their way before the first is asked for, so that nobody waits for Postfix. */
const AHEAD = 6

/** Messages that come into one folder, and are handed out one by one into others. */
export class Supply {
  readonly injected: Injected[] = []
  readonly #sender: Agent
  readonly #inbox: ImapFolder
  readonly #message: { readonly seed: number; readonly bytes: number }
  #count = 0
  #moved = 0
  /** IMAP hears one at a time. */
  #turn: Promise<void> = Promise.resolve()

  private constructor(sender: Agent, inbox: ImapFolder, message: { seed: number; bytes: number }) {
    this.#sender = sender
    this.#inbox = inbox
    this.#message = message
  }

  static async start(
    sender: Agent,
    inbox: ImapFolder,
    message: { readonly seed: number; readonly bytes: number },
  ): Promise<Supply> {
    const supply = new Supply(sender, inbox, message)
    for (let i = 0; i < AHEAD; i++) await supply.#inject()
    return supply
  }

  async moveOneTo(folder: string): Promise<void> {
    await this.#inject()
    await this.#move(folder)
  }

  /** Everything that is left. */
  async moveAllTo(folder: string): Promise<void> {
    while (this.#moved < this.injected.length) await this.#move(folder)
  }

  async #inject(): Promise<void> {
    this.injected.push(await injectOne(this.#sender, { ...this.#message, n: this.#count++ }))
  }

  async #move(folder: string): Promise<void> {
    this.#moved++
    this.#turn = this.#turn.then(async () => {
      for (;;) {
        const [uid] = await this.#inbox.uids()
        if (uid !== undefined) return this.#inbox.moveTo(uid, folder)
        await pause(5)
      }
    })
    await this.#turn
  }
}
