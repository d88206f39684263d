import type { ImapFailure } from './imap-failures.ts'

/** As imapflow's log: it answers `false` where a server refuses a command, and tells nobody else why. */
export class Refusals {
  #last: ImapFailure | null = null
  #unread: Error | null = null

  warn({ err, msg }: { readonly err?: ImapFailure; readonly msg?: string }): void {
    if (err?.responseStatus !== undefined) this.#last = err
    // With a `msg` it passes over an untagged answer, as an ID of which it reads no NIL (RFC 2971), and goes on.
    if (err instanceof TypeError && msg === undefined) this.#unread = err
  }

  /** What it stumbled over and hears nothing after: as a NAMESPACE that names none. Null: nothing. */
  get unread(): Error | null {
    return this.#unread
  }

  /** Of the last command that was refused since it was asked for; null: none was. */
  take(): ImapFailure | null {
    const last = this.#last
    this.#last = null
    return last
  }

  // What is not here it writes to the console.
  debug(): void {}
  info(): void {}
  error(): void {}
  fatal(): void {}
}
