/**
 * A value as the database is given it: text without NUL, U+FFFD in its place. PostgreSQL refuses NUL, and whatever came
 * with it, for ever; anybody can put one into a Message-ID. SQLite would keep it, and stores move from one to the other.
 */
export function asKept<T>(value: T): T | string {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value
}

/** Text as it will be read again: half a character (a lone surrogate) is not kept either. */
export function asReadAgain(text: string): string {
  return asKept(text.toWellFormed())
}
