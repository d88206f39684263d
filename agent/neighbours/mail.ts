import { readFile } from 'node:fs/promises'
import type { MailServer, SmtpClient } from '../../mailbox/index.ts'
import { DirectError } from '../errors.ts'
import type { Mailbox } from '../inbox.ts'
import type { ServerSettings } from '../settings.ts'
import type { Circumstances } from './circumstances.ts'
import type { DiscoveryNeighbours } from './discovery.ts'
import { lazily } from './lazily.ts'

/** Mail servers, and what speaks to them. What opens sockets throws NETWORK_FORBIDDEN where none may be. */
export class MailNeighbours {
  readonly #circumstances: Circumstances
  readonly #lookup: DiscoveryNeighbours['lookup']
  /** What was handed in belongs to whoever made it. */
  #ownSmtp: (SmtpClient & AsyncDisposable) | undefined

  constructor(circumstances: Circumstances, { lookup }: { readonly lookup: DiscoveryNeighbours['lookup'] }) {
    this.#circumstances = circumstances
    this.#lookup = lookup
  }

  /** Ends the connections that were kept. */
  async close(): Promise<void> {
    await this.#ownSmtp?.[Symbol.asyncDispose]()
  }

  readonly smtp = lazily(async () => {
    this.#requireNetwork('SMTP')
    const { smtp } = this.#circumstances.parts
    if (smtp) return smtp
    const { createSmtpClient } = await import('../../mailbox/index.ts')
    this.#ownSmtp = createSmtpClient({ lookup: await this.#lookup() })
    return this.#ownSmtp
  })

  readonly imap = lazily(async () => {
    this.#requireNetwork('IMAP')
    const { imap } = this.#circumstances.parts
    if (imap) return imap
    const { createImapClient } = await import('../../mailbox/index.ts')
    return createImapClient({ lookup: await this.#lookup() })
  })

  /** Undefined: none is configured. */
  readonly relay = lazily(async () => {
    const { smtp } = this.#circumstances.settings
    return smtp && toMailServer(smtp)
  })

  /** By domain. */
  readonly tlsServers = lazily(async (): Promise<ReadonlyMap<string, MailServer>> => {
    const servers = this.#circumstances.settings.tlsDomains.map(
      async ({ domain, server }) => [domain, await toMailServer(server)] as const,
    )
    return new Map(await Promise.all(servers))
  })

  /** Throws CONFIG_INVALID where there is none. */
  readonly mailboxes = lazily(async (): Promise<readonly Mailbox[]> => {
    const { mailboxes } = this.#circumstances.settings
    if (mailboxes.length === 0)
      throw new DirectError('CONFIG_INVALID', 'no mailbox is configured', {
        hint: 'Add an entry to mailboxes with the imap URL and the addresses that it receives for.',
      })
    return Promise.all(
      mailboxes.map(async (settings) => ({
        name: settings.name,
        settings,
        server: await toMailServer(settings.server),
      })),
    )
  })

  #requireNetwork(what: string): void {
    if (this.#circumstances.offline)
      throw new DirectError('NETWORK_FORBIDDEN', `${what} was not contacted: the network is forbidden`, {
        hint: 'Leave out --no-network.',
      })
  }
}

/** With its secrets read. Throws FILE_UNREADABLE, CONFIG_INVALID. */
export async function toMailServer({ ca, token: ask, ...server }: ServerSettings): Promise<MailServer> {
  const token = ask && (await import('../../mailbox/index.ts')).keptToken(ask)
  return ca === undefined ? { ...server, token } : { ...server, token, ca: await readCa(ca) }
}

/** PEM. Throws FILE_UNREADABLE. */
export async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'latin1')
  } catch (cause) {
    throw new DirectError('FILE_UNREADABLE', `the CA file ${file} cannot be read`, {
      hint: 'It holds the CAs to believe when TLS is proved, as PEM.',
      cause,
    })
  }
}
