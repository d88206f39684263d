/** Where the daemon writes what it does: pino's shape, so that an EHR may hand in its own. Ids and codes only. */
export interface Log {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}

export const silent: Log = { info() {}, warn() {}, error() {} }
