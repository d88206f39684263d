import type { ImapClient, Lookup } from './types.ts'

export interface ImapClientOptions {
  readonly lookup: Lookup
  /** For connecting to each address, and for any silence of the server while it owes an answer. Default 60 s. */
  readonly timeoutMs?: number
  /** For logging in, and for one command, 1 MiB of a message at most, in all. Default 10 min. */
  readonly commandMs?: number
  /** After which IDLE is begun anew. Default 5 min. */
  readonly idleMs?: number
  /** For the answer that ends IDLE. Default 60 s. */
  readonly doneMs?: number
}

/** IMAP as a client (RFC 3501, RFC 9051; protocol.md SMTP, IMAP). TLS as `tlsRule` decides. */
export function createImapClient(options: ImapClientOptions): ImapClient {
  const { timeoutMs = 60_000, commandMs = 600_000, idleMs = 300_000, doneMs = 60_000 } = options
  return {
    async open(server, folder, signal) {
      // Loaded when it is needed: imapflow takes longer to load than most commands to run.
      const { connect } = await import('./imap-connect.ts')
      const { openFolder } = await import('./imap-folder.ts')
      const connected = await connect(server, options.lookup, { timeoutMs, commandMs }, signal)
      return await openFolder(connected, server, folder, { commandMs, idleMs, doneMs }, signal)
    },
  }
}
