import { createImapClient, type ImapFolder, type MailServer } from '../../mailbox/index.ts'

/** A client that finds every host on this machine. */
export const client = createImapClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 5000 })

/** Where a scripted server is. */
export const at = (server: { readonly port: number }, changes: Partial<MailServer> = {}): MailServer => ({
  host: 'imap.b.example',
  port: server.port,
  secure: false,
  user: 'lee',
  password: 'secret',
  ...changes,
})

/** A whole message, a character a byte; empty: it is gone. */
export async function readAll(folder: ImapFolder, uid: number): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of folder.fetch(uid)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}
