import { hash } from 'node:crypto'

/**
 * A value as the database is given it: text without NUL, U+FFFD in its place. PostgreSQL refuses NUL, and whatever came
 * with it, for ever; anybody can put one into a Message-ID. SQLite would keep it, and stores move from one to the other.
 */
export function asKept<T>(value: T): T | string {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value
}

/** In bytes: PostgreSQL's index takes entries of 2,704 at most, and refuses a row whose entry is longer. */
const MOST_OF_A_NAME = 2000
/** In characters, of a longer one. */
const BEGINNING = 200

/**
 * Text that an index finds, as it will be read again: what is longer than an index takes is kept as its beginning and the
 * SHA-256 of all of it. Anybody can send mail with such a Message-ID, and must not stop whoever comes after it. Where one
 * is asked for it is named alike; it can stand in no header of ours, which are ASCII.
 */
export function asName(text: string): string {
  const kept = asReadAgain(text)
  if (Buffer.byteLength(kept) <= MOST_OF_A_NAME) return kept
  return digested(kept, kept)
}

/**
 * An idempotency key, which stands for one message: two that would be read again as the same stay two, or the second
 * message would be taken for the first, and go to nobody.
 */
export function asKey(key: string): string {
  return asReadAgain(key) === key ? asName(key) : digested(asReadAgain(key), Buffer.from(key, 'utf16le'))
}

function digested(kept: string, all: string | Buffer): string {
  return `${kept.slice(0, BEGINNING).toWellFormed()}… (SHA-256 ${hash('sha256', all, 'hex')})`
}

/** Text as it will be read again: half a character (a lone surrogate) is not kept either. */
export function asReadAgain(text: string): string {
  return asKept(text.toWellFormed())
}
