import { setTimeout as pause } from 'node:timers/promises'
import type { ImapClient, ImapFolder } from '../../mailbox/index.ts'
import { DirectError } from '../errors.ts'
import type { Mailbox } from './mailbox.ts'

/** The folder of one pass, given back when it is disposed of. */
export interface BorrowedFolder extends AsyncDisposable {
  readonly folder: ImapFolder
  /** Passes have looked at all up to this UID, and what is open of that is in the ledger or `refused`; null: that is not known. */
  readonly lookedUpTo: number | null
  /** UIDs of what the server did not hand over to the last pass. */
  readonly refused: readonly number[]
  /** UIDs at whose fetching the connection was lost, in any pass: each may be why. */
  readonly lostAt: Set<number>
  /** UIDs of what is done with, and could not be flagged, in any pass. */
  readonly unflagged: Set<number>
  /**
   * The pass came to its end, and left nothing half asked for: the connection may be kept. `upTo`: the last UID of what it
   * has looked at, where that is everything but `refused`.
   */
  finished(upTo?: number, refused?: readonly number[]): void
}

/** Throws what `ImapClient.open` throws. */
export async function borrowFolder(
  mailbox: Mailbox,
  { imap, kept }: { readonly imap: ImapClient; readonly kept?: KeptFolders | undefined },
  signal?: AbortSignal,
): Promise<BorrowedFolder> {
  if (kept) return await kept.borrow(mailbox, imap, signal)
  const folder = await imap.open(mailbox.server, mailbox.settings.folder, signal)
  return {
    folder,
    lookedUpTo: null,
    refused: [],
    lostAt: new Set(),
    unflagged: new Set(),
    finished() {},
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** What passes have looked at, up to a UID; `wholeAt`: when all of the folder was last listed, by the monotonic clock. */
interface Looked {
  readonly uidValidity: string
  readonly upTo: number
  readonly refused: readonly number[]
  readonly wholeAt: number
}

/** UIDs of one mailbox, under the UIDVALIDITY that they belong to. */
interface UidsOf {
  readonly uidValidity: string
  readonly uids: Set<number>
}

/** A long folder is not listed by every pass; now and then it is, whatever another client may have done to it. */
const WHOLE_LOOK_MS = 600_000

/** Between two passes that news begins: a server may tell of mail without end, and what comes meanwhile comes together. */
const NEWS_MS = 250

/**
 * Connections that stay between passes, one for each mailbox: a pass begins without a login, and mail is told of while
 * nobody asks.
 */
export class KeptFolders implements AsyncDisposable {
  readonly #kept = new Map<string, ImapFolder>()
  readonly #looked = new Map<string, Looked>()
  /** When a wait ended by news, by the monotonic clock. */
  readonly #newsAt = new Map<string, number>()
  readonly #lostAt = new Map<string, UidsOf>()
  readonly #unflagged = new Map<string, UidsOf>()

  async borrow(mailbox: Mailbox, imap: ImapClient, signal?: AbortSignal): Promise<BorrowedFolder> {
    const folder =
      (await this.#again(mailbox)) ?? (await imap.open(mailbox.server, mailbox.settings.folder, signal))
    const { uidValidity } = folder
    const looked = this.#looked.get(mailbox.name)
    this.#looked.delete(mailbox.name)
    const now = performance.now()
    const isKnown = looked?.uidValidity === uidValidity && now - looked.wholeAt < WHOLE_LOOK_MS
    let isWhole = false
    return {
      folder,
      lookedUpTo: isKnown ? looked.upTo : null,
      refused: isKnown ? looked.refused : [],
      lostAt: uidsOf(this.#lostAt, mailbox.name, uidValidity),
      unflagged: uidsOf(this.#unflagged, mailbox.name, uidValidity),
      finished: (upTo, refused = []) => {
        isWhole = true
        const wholeAt = isKnown ? looked.wholeAt : now
        if (upTo !== undefined) this.#looked.set(mailbox.name, { uidValidity, upTo, refused, wholeAt })
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
    // Where nobody listens, and where the server hangs up at once, it is as if there were no IDLE.
    const next = heard === 'news' ? (this.#newsAt.get(mailbox.name) ?? 0) + NEWS_MS : until
    const left = Math.min(next, until) - performance.now()
    if (left > 0) await pause(left, undefined, { signal }).catch(() => undefined)
    if (heard === 'news') this.#newsAt.set(mailbox.name, performance.now())
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

function uidsOf(kept: Map<string, UidsOf>, mailbox: string, uidValidity: string): Set<number> {
  const known = kept.get(mailbox)
  if (known?.uidValidity === uidValidity) return known.uids
  const uids = new Set<number>()
  kept.set(mailbox, { uidValidity, uids })
  return uids
}
