import { type Dovecot, startDovecot } from './dovecot.ts'
import { type Postfix, startPostfix } from './postfix.ts'

export interface MailServersOptions {
  /** Each gets one mailbox, which takes mail for every address of the domain. */
  readonly domains: readonly string[]
  /** Files in PEM: SMTP offers STARTTLS, IMAP STARTTLS and TLS from the start. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string }
  /** Largest message in bytes. Default 60 MB. */
  readonly messageSizeLimit?: number
}

export interface MailServers extends AsyncDisposable {
  readonly smtp: Pick<Postfix, 'host' | 'port' | 'logFile' | 'queued'>
  readonly imap: Pick<Dovecot, 'host' | 'imapPort' | 'imapsPort' | 'logFile' | 'doveadm'>
  /** Domain to the login of its mailbox; SMTP takes it too, and does not insist. */
  readonly mailboxes: Readonly<Record<string, { readonly user: string; readonly password: string }>>
}

const PASSWORD = 'open-sesame'

/** Postfix and Dovecot together: mail for the domains goes in by SMTP and comes out by IMAP. */
export async function startMailServers(options: MailServersOptions): Promise<MailServers> {
  await using started = new AsyncDisposableStack()
  const tls = options.tls === undefined ? {} : { tls: options.tls }
  const users = options.domains.map((domain) => ({
    name: domain.replace(/\.[^.]*$/, ''),
    password: PASSWORD,
    domains: [domain],
  }))
  const dovecot = started.use(await startDovecot({ users, ...tls }))
  const postfix = started.use(
    await startPostfix({
      domains: Object.fromEntries(options.domains.map((domain) => [domain, dovecot.lmtp])),
      authSocket: dovecot.authSocket,
      ...(options.messageSizeLimit === undefined ? {} : { messageSizeLimit: options.messageSizeLimit }),
      ...tls,
    }),
  )
  const stop = started.move()
  return {
    smtp: postfix,
    imap: dovecot,
    mailboxes: Object.fromEntries(
      users.map((user) => [user.domains[0], { user: user.name, password: user.password }]),
    ),
    [Symbol.asyncDispose]: () => stop.disposeAsync(),
  }
}
