import { printable } from './printable.ts'

/** Where the daemon writes what it does: pino's shape, so that an EHR may hand in its own. Ids and codes only. */
export interface Log {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}

export const silent: Log = { info() {}, warn() {}, error() {} }

/**
 * Values that strangers chose are among the facts: whatever they hold, they stay on their line (protocol.md MSG-13). A log
 * that fails stops no mail: Node's own warning tells of it, once.
 */
export function onOneLine(log: Log): Log {
  let isTold = false
  const lost = (error: unknown) => {
    if (isTold) return
    isTold = true
    const said = error instanceof Error ? error.message : String(error)
    process.emitWarning(`the log that direct-agent was given fails, and lines are lost: ${printable(said)}`, {
      code: 'DIRECT_LOG_FAILS',
    })
  }
  const level = (name: keyof Log) => (facts: object, text: string) => {
    try {
      // One that is async is given as well, whatever its type says.
      const written: unknown = log[name](withoutControls(facts), printable(text))
      if (written instanceof Promise) written.catch(lost)
    } catch (error) {
      lost(error)
    }
  }
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
