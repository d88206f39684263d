import type { Parts } from '../options.ts'
import type { Settings } from '../settings.ts'

/** What decides which neighbours an agent has, and how they are made. */
export interface Circumstances {
  readonly settings: Settings
  /** Those that were handed in: used as they are, and closed by whoever made them. */
  readonly parts: Parts
  /** No socket may be opened. */
  readonly offline: boolean
  /** The clock on the wall. */
  readonly now: () => Date
  /** Draws from [0, 1). */
  readonly random: () => number
}
