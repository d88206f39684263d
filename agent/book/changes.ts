import type { Book, BookEntry } from '../../store/index.ts'
import { type Address, parseAddress } from '../address.ts'
import { classifyEach } from '../book.ts'
import type { ClassifyTools } from '../classify.ts'
import { DirectError } from '../errors.ts'
import { compare } from './compare.ts'
import type { Change, ChangesOptions } from './types.ts'

const WITHIN_DAYS = 30
const MOST_DAYS = 3660
/** States that are written down together: each transaction waits for the disk. */
const TOGETHER = 200
/** Whoever was not asked about for so long is forgotten. */
const FORGOTTEN_MS = 366 * 24 * 3_600_000

export interface ChangesTools extends ClassifyTools {
  readonly book: Book
  /** The clock on the wall; `now` is the time to judge by. */
  readonly wallClock: () => Date
}

/**
 * What changed about these addresses since `sender`'s book last heard of them. How an address stands is written down once
 * its changes were handed out and the next one was asked for: whoever is killed meanwhile is told again, and misses
 * nothing. An address that comes twice is told once. Throws USAGE for `withinDays`, and as `classifyEach`.
 */
export async function* changes(
  addresses: Iterable<string> | AsyncIterable<string>,
  sender: Address | null,
  { withinDays = WITHIN_DAYS, onAnswer, signal }: Omit<ChangesOptions, 'from'>,
  tools: ChangesTools,
): AsyncGenerator<Change, void, void> {
  if (!(withinDays >= 0 && withinDays <= MOST_DAYS))
    throw new DirectError('USAGE', `withinDays is ${withinDays}`, {
      hint: `It is a number of days from 0 to ${MOST_DAYS}.`,
    })
  const { book } = tools
  const whose = sender?.key ?? ''
  const told = new Map<string, BookEntry>()
  async function writeDown(): Promise<void> {
    await book.put(whose, [...told.values()])
    told.clear()
  }

  try {
    for await (const recipient of classifyEach(addresses, sender, tools, signal)) {
      onAnswer?.(recipient)
      const address = parseAddress(recipient.address)
      if ('code' in address) continue
      const before = told.get(address.key) ?? (await book.get(whose, address.key))
      const clocks = { at: tools.now(), now: tools.wallClock() }
      const { changes, after } = compare(before, address.key, recipient, withinDays, clocks)
      yield* changes
      if (after !== null) told.set(address.key, after)
      if (told.size >= TOGETHER) await writeDown()
    }
  } finally {
    await writeDown()
  }
  await book.forget(new Date(tools.wallClock().getTime() - FORGOTTEN_MS))
}
