import type { ImapClient, Lookup } from './types.ts'

export interface ImapClientOptions {
  readonly lookup: Lookup
  /** For connecting to each address, and for any silence of the server while it owes an answer. Default 60 s. */
  readonly timeoutMs?: number
}

/** IMAP as a client (RFC 3501, RFC 9051; protocol.md SMTP, IMAP). TLS as `tlsRule` decides. */
export function createImapClient(options: ImapClientOptions): ImapClient {
  const timeoutMs = options.timeoutMs ?? 60_000
  return {
    async open(server, folder, signal) {
      // Loaded when it is needed: imapflow takes longer to load than most commands to run.
      const { connect } = await import('./imap-connect.ts')
      const { openFolder } = await import('./imap-folder.ts')
      const client = await connect(server, options.lookup, timeoutMs, signal)
      return await openFolder(client, server, folder, signal)
    },
  }
}
