import { setTimeout as pause } from 'node:timers/promises'
import type { ImapClient, ImapFolder } from '../../mailbox/index.ts'
import { DirectError } from '../errors.ts'
import type { Mailbox } from './mailbox.ts'

/** The folder of one pass, given back when it is disposed of. */
export interface BorrowedFolder extends AsyncDisposable {
  readonly folder: ImapFolder
  /** The pass came to its end, and left nothing half asked for: the connection may be kept. */
  finished(): void
}

/** Throws what `ImapClient.open` throws. */
export async function borrowFolder(
  mailbox: Mailbox,
  { imap, kept }: { readonly imap: ImapClient; readonly kept?: KeptFolders | undefined },
  signal?: AbortSignal,
): Promise<BorrowedFolder> {
  if (kept) return await kept.borrow(mailbox, imap, signal)
  const folder = await imap.open(mailbox.server, mailbox.settings.folder, signal)
  return { folder, finished() {}, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

/**
 * Connections that stay between passes, one for each mailbox: a pass begins without a login, and mail is told of while
 * nobody asks.
 */
export class KeptFolders implements AsyncDisposable {
  readonly #kept = new Map<string, ImapFolder>()

  async borrow(mailbox: Mailbox, imap: ImapClient, signal?: AbortSignal): Promise<BorrowedFolder> {
    const folder =
      (await this.#again(mailbox)) ?? (await imap.open(mailbox.server, mailbox.settings.folder, signal))
    let isWhole = false
    return {
      folder,
      finished: () => {
        isWhole = true
      },
      [Symbol.asyncDispose]: async () => {
        if (isWhole) this.#kept.set(mailbox.name, folder)
        else await folder[Symbol.asyncDispose]()
      },
    }
  }

  /** Until there is mail, at most `ms`. */
  async wait(mailbox: Mailbox, ms: number, signal: AbortSignal): Promise<void> {
    const until = performance.now() + ms
    const folder = this.#kept.get(mailbox.name)
    const heard = folder && (await this.#unlessLost(mailbox, () => folder.wait(ms)))
    if (heard === 'news') return
    // Where nobody listens, and where the server hangs up at once, it is as if there were no IDLE.
    const left = until - performance.now()
    if (left > 0) await pause(left, undefined, { signal }).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const folders = [...this.#kept.values()]
    this.#kept.clear()
    await Promise.all(folders.map((folder) => folder[Symbol.asyncDispose]()))
  }

  async #again(mailbox: Mailbox): Promise<ImapFolder | null> {
    const folder = this.#kept.get(mailbox.name)
    if (folder === undefined) return null
    const again = await this.#unlessLost(mailbox, () => folder.again())
    this.#kept.delete(mailbox.name)
    return again
  }

  /** Null: the connection is not to be used any more. The next pass makes a new one, and says so if it cannot. */
  async #unlessLost<Value>(mailbox: Mailbox, ask: () => Promise<Value>): Promise<Value | null> {
    try {
      return await ask()
    } catch (error) {
      const folder = this.#kept.get(mailbox.name)
      this.#kept.delete(mailbox.name)
      await folder?.[Symbol.asyncDispose]()
      if (error instanceof DirectError) return null
      throw error
    }
  }
}
