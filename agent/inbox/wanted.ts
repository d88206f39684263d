import type { ImapFolder, SomeUids } from '../../mailbox/index.ts'
import type { DirectError } from '../errors.ts'
import type { Mailbox, Offer, PassTools } from '../inbox.ts'
import type { ReceiveReport } from '../receiving-types.ts'
import type { Flags } from './flags.ts'

/** Takes an offer at once, and says what became of it; null: nothing that is told. */
export type Take = (offer: Offer) => Promise<ReceiveReport | null>

/** What the looks of one pass share. */
export interface Pass {
  readonly mailbox: Mailbox
  readonly folder: ImapFolder
  readonly flags: Flags
  /** Which of the folder's messages the pass has to do with; undefined: all. */
  readonly some: SomeUids | undefined
  /** Those of them that were there when the pass began. */
  readonly present: ReadonlySet<number>
  readonly tools: PassTools
  readonly take: Take
  readonly signal: AbortSignal | undefined
  /** Messages that the server will not hand over, or not move, and what it said of them. */
  readonly refused: { readonly uid: number; readonly error: DirectError }[]
  /** Messages at whose fetching the connection was lost, in this pass or before. */
  readonly lostAt: Set<number>
  /** New messages, by name, that more patience might make known. */
  readonly cutShort: Map<string, { readonly wanted: Wanted; readonly report: ReceiveReport }>
}

/** A message that is to be looked at. `name` is its own beyond the pass; `isBegun`: the ledger knows of it. */
export interface Wanted {
  readonly name: string
  readonly uidValidity: string
  readonly uid: number
  readonly isBegun: boolean
  /** The folder says that we were done with it. */
  readonly wasSettled: boolean
}
