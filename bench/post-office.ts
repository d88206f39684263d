/** Postfix and Dovecot for the bench: two clinics, and a third mailbox for the loop that does nothing but move mail. */
import { setTimeout as pause } from 'node:timers/promises'
import { ImapFlow } from 'imapflow'
import { createTransport, type Transporter } from 'nodemailer'
import { type MailServers, startMailServers } from '../test/services/mail-servers.ts'
import { clinic, FROM, TO } from './clinics.ts'

/** Of the mailbox of the bare loop. */
export const BARE = 'dr.lee@bare.example'

/** As many connections as an agent opens to one SMTP server. */
const CONNECTIONS = 4

export interface PostOffice extends AsyncDisposable {
  /** The configuration of a clinic whose mail goes through these servers, and its environment. */
  clinic(letter: 'a' | 'b', dataDir: string): readonly [Record<string, unknown>, NodeJS.ProcessEnv]
  /** A pool of connections to Postfix, as a program without an agent would have it. */
  pool(): Transporter
  /** Logged in to the mailbox of an address. */
  mailbox(address: string): Promise<ImapFlow>
}

export async function startPostOffice(): Promise<PostOffice> {
  const domains = [FROM, TO, BARE].map(domainOf)
  const servers = await startMailServers({ domains })
  const { smtp, imap } = servers
  return {
    clinic(letter, dataDir) {
      const domain = `clinic-${letter}.example`
      const { user, password } = loginOf(servers, domain)
      const config = {
        ...clinic(letter, dataDir),
        smtp: { url: `smtp://${smtp.host}:${smtp.port}` },
        mailboxes: [
          {
            imap: `imap://${user}@${imap.host}:${imap.imapPort}/INBOX`,
            passwordEnv: 'DIRECT_PASSWORD',
            addresses: [domain],
            pollSeconds: 1,
          },
        ],
      }
      return [config, { DIRECT_PASSWORD: password }]
    },
    pool() {
      const { host, port } = smtp
      return createTransport({ pool: true, host, port, ignoreTLS: true, maxConnections: CONNECTIONS })
    },
    async mailbox(address) {
      const { user, password } = loginOf(servers, domainOf(address))
      const { host, imapPort: port } = imap
      const client = new ImapFlow({
        host,
        port,
        secure: false,
        auth: { user, pass: password },
        logger: false,
        disableAutoIdle: true,
      })
      await client.connect()
      return client
    },
    [Symbol.asyncDispose]: () => servers[Symbol.asyncDispose](),
  }
}

/** Hands over whole messages, as fast as the pool can. */
export async function handOver(
  messages: readonly Buffer[],
  { from, to }: { readonly from: string; readonly to: string },
  pool: Transporter,
): Promise<void> {
  const envelope = { from, to: [to] }
  await Promise.all(messages.map((raw) => pool.sendMail({ envelope, raw })))
}

/** Until an INBOX holds so many messages (without \Seen, where that is asked): Postfix hands on what it took later. */
export async function untilThere(
  client: ImapFlow,
  count: number,
  which: 'all' | 'unseen' = 'all',
): Promise<void> {
  const begun = performance.now()
  if (client.mailbox === false) await client.mailboxOpen('INBOX')
  for (;;) {
    await client.noop()
    const found = await client.search(which === 'all' ? { all: true } : { seen: false }, { uid: true })
    const there = found ? found.length : 0
    if (there === count) return
    if (performance.now() - begun > PATIENCE_MS) throw new Error(`${there} messages are there, not ${count}`)
    await pause(10)
  }
}

const PATIENCE_MS = 60_000

function domainOf(address: string): string {
  return address.slice(address.indexOf('@') + 1)
}

function loginOf({ mailboxes }: MailServers, domain: string) {
  const login = mailboxes[domain]
  if (login === undefined) throw new Error(`there is no mailbox for ${domain}`)
  return login
}
