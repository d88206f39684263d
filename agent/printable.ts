/** Controls, separators of lines, and what hides or turns around the text beside it (Unicode's format characters). */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/**
 * Text that strangers chose, in addresses, files and servers' replies, made harmless for a log and a terminal, and kept on
 * its line (protocol.md MSG-13). What is escaped is so as JSON escapes: one for each code unit.
 */
export function printable(text: string): string {
  return text.replace(UNSEEN, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}
