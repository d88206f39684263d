/** For how long what somebody said may be used again, in seconds (DISC-11). */

/** Nothing is kept for longer. */
export const DAY = 86_400
/** What directories say, and whatever else has no lifetime of its own. */
export const HOUR = 3600
/** The bounds of an absence. */
export const NEGATIVE = { least: 60, most: 300 } as const
