import { printable } from './printable.ts'

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
    log[name](withoutControls(facts), printable(text))
  return { info: level('info'), warn: level('warn'), error: level('error') }
}

function withoutControls(facts: object): object {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      typeof value === 'string' ? printable(value) : value,
    ]),
  )
}
