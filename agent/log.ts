/** Where the daemon writes what it does: pino's shape, so that an EHR may hand in its own. Ids and codes only. */
export interface Log {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}

export const silent: Log = { info() {}, warn() {}, error() {} }

/** Values that strangers chose are among the facts: whatever they hold, they stay on their line (protocol.md MSG-13). */
export function onOneLine(log: Log): Log {
  const level = (name: keyof Log) => (facts: object, text: string) =>
    log[name](withoutControls(facts), escaped(text))
  return { info: level('info'), warn: level('warn'), error: level('error') }
}

function withoutControls(facts: object): object {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, typeof value === 'string' ? escaped(value) : value]),
  )
}

/** Controls, separators of lines, and what hides or turns around the text beside it (Unicode's format characters). */
function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}
