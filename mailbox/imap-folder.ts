import type { FetchQueryObject, ImapFlow, ListResponse, SearchObject } from 'imapflow'
import { DirectError } from '../agent/errors.ts'
import { Ahead } from './imap-ahead.ts'
import { LONGEST_LITERAL } from './imap-connect.ts'
import { commandFailure } from './imap-failures.ts'
import { type Handed, readMessage, WINDOW } from './imap-reading.ts'
import { type ImapLimits, ImapSession } from './imap-session.ts'
import { isAmong, setOf, uidsIn } from './imap-uids.ts'
import type { ImapFolder, MailServer, SomeUids } from './types.ts'

/** Messages that one STORE flags. */
const GROUP = 200

/**
 * Selects `folder`, in any case, on a connection that is logged in, and takes that connection over. A command that takes
 * longer than `limits.commandMs` in all has lost it: a server that answers byte by byte never falls silent. Throws DirectError
 * `IMAP_REFUSED` when there is no such folder, `IMAP_UNREACHABLE` (temporary), `ABORTED`.
 */
export async function openFolder(
  client: ImapFlow,
  server: MailServer,
  folder: string,
  limits: ImapLimits,
  signal: AbortSignal | undefined,
): Promise<ImapFolder> {
  const session = new ImapSession(client, server, limits, signal)
  try {
    const path = findFolder(await session.list(), folder)
    if (path === null) {
      throw new DirectError('IMAP_REFUSED', `${server.host} has no folder ${folder} for ${server.user}`, {
        hint: `Create the folder ${folder}, or name another one at the end of the imap url.`,
      })
    }
    // A folder that is locked keeps its connection alive while nothing is asked.
    await session.ask(`open ${path}`, () => client.getMailboxLock(path))
    return new OpenFolder(session, path)
  } catch (cause) {
    await session[Symbol.asyncDispose]()
    throw cause
  }
}

class OpenFolder implements ImapFolder {
  readonly uidValidity: string
  readonly #session: ImapSession
  readonly #path: string
  readonly #ahead = new Ahead((uids) => this.#wholes(uids))
  #hasKeywords: boolean

  constructor(session: ImapSession, path: string) {
    this.#session = session
    this.#path = path
    const { mailbox } = session.client
    this.uidValidity = mailbox === false ? '' : String(mailbox.uidValidity)
    this.#hasKeywords = mailbox !== false && keepsKeyword(mailbox.permanentFlags)
  }

  async uids(some?: SomeUids): Promise<readonly number[]> {
    this.#session.forgetNews()
    const found = await this.#search('list the messages', {}, some)
    if (found === null) throw commandFailure(this.#session.server, 'list the messages', null)
    return [...found].sort((a, b) => a - b)
  }

  willFetch(uids: readonly number[]): void {
    this.#ahead.expect(uids)
  }

  async *fetch(uid: number): AsyncGenerator<Uint8Array> {
    const { host } = this.#session.server
    yield* readMessage(await this.#ahead.message(uid), {
      window: async (start, maxLength) => {
        const handed = await this.#fetch([uid], { size: true, source: { start, maxLength } })
        return handed.get(uid) ?? null
      },
      refusal: (why) =>
        new DirectError('IMAP_REFUSED', `${host} did not hand over message ${uid}: ${why}`, {
          temporary: true,
          hint: 'It is left as it is and asked for again; the log of that server may say why.',
        }),
    })
  }

  async size(uid: number): Promise<number | null> {
    return (await this.#fetch([uid], { size: true })).get(uid)?.size ?? null
  }

  async flagSeen(uids: number | readonly number[]): Promise<void> {
    for (const group of inGroups([uids].flat())) {
      const flags = this.#hasKeywords ? ['\\Seen', SETTLED] : ['\\Seen']
      if (await this.#flag(group, flags)) continue
      // A folder may be full of keywords (Dovecot's Maildir holds 26): without ours it can be \Seen all the same.
      if (this.#hasKeywords && (await this.#flag(group, ['\\Seen']))) this.#hasKeywords = false
      else throw commandFailure(this.#session.server, `flag message ${group} as seen`, null)
    }
  }

  async flagSettled(uids: readonly number[]): Promise<void> {
    for (const group of inGroups(uids))
      if (this.#hasKeywords) this.#hasKeywords = await this.#flag(group, [SETTLED])
  }

  async settledUids(some?: SomeUids): Promise<ReadonlySet<number> | null> {
    if (!this.#hasKeywords) return null
    const found = await this.#search('list what is settled', { keyword: SETTLED }, some)
    return found === null ? null : new Set(found)
  }

  async moveTo(uid: number, folder: string): Promise<void> {
    const { client, server } = this.#session
    const path = findFolder(await this.#session.list(), folder) ?? (await this.#create(folder))
    const what = `move message ${uid} into ${path}`
    const moved = await this.#session.ask(what, () => client.messageMove(String(uid), path, { uid: true }))
    if (moved === false) throw commandFailure(server, what, null)
  }

  async wait(ms: number): Promise<'news' | 'quiet'> {
    return await this.#session.wait(ms)
  }

  async again(): Promise<ImapFolder> {
    await this.#session.ask(`open ${this.#path}`, () => this.#session.client.mailboxOpen(this.#path))
    return new OpenFolder(this.#session, this.#path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }

  /** UIDs of all or of `some`; null: the server will not. */
  async #search(
    what: string,
    query: SearchObject,
    some: SomeUids | undefined,
  ): Promise<readonly number[] | null> {
    const { client } = this.#session
    const search = async () => {
      const asked = some === undefined ? query : { ...query, uid: setOf(some) }
      if (some === undefined && client.capabilities.has('ESEARCH')) {
        // A hundred thousand UIDs in a row are named in twelve characters, and not in a megabyte (RFC 4731).
        const found = await client.search(asked, { uid: true, returnOptions: ['COUNT', 'ALL'] })
        const uids = typeof found === 'object' && !Array.isArray(found) ? uidsIn(found) : null
        if (uids !== null) return uids
      }
      const found = await client.search(asked, { uid: true })
      return Array.isArray(found) ? found.filter(isAmong(some)) : null
    }
    return await this.#session.ask(what, search)
  }

  async #flag(uids: string, flags: readonly string[]): Promise<boolean> {
    const { client } = this.#session
    return await this.#session.ask(`flag message ${uids}`, () =>
      client.messageFlagsAdd(uids, [...flags], { uid: true, silent: true }),
    )
  }

  async #create(folder: string): Promise<string> {
    const { client } = this.#session
    const created = await this.#session.ask(`create ${folder}`, () => client.mailboxCreate(folder.split('/')))
    return created.path
  }

  /** Short ones whole: all that the server has, without a word of ours about how much that may be. */
  async #wholes(uids: readonly number[]): Promise<ReadonlyMap<number, Handed>> {
    const sizes = await this.#fetch(uids, { size: true })
    const isShort = (uid: number) => (sizes.get(uid)?.size ?? WINDOW) < WINDOW / uids.length
    const short = uids.filter(isShort)
    if (short.length === 0) return new Map()
    const handed = await this.#fetch(short, { size: true, source: true })
    // An empty one is looked at by itself.
    return new Map([...handed].filter(([, { bytes }]) => bytes !== null && bytes.length > 0))
  }

  /**
   * What the server says of these messages: it also tells of others in between, unasked, and may tell of one in several
   * answers (RFC 3501 7.4.2). What is longer than a window is not kept beside others.
   */
  async #fetch(uids: readonly number[], query: FetchQueryObject): Promise<ReadonlyMap<number, Handed>> {
    const { client } = this.#session
    const named = uids.length === 1 ? `message ${uids}` : `messages ${uids}`
    const fetch = async () => {
      const wanted = new Set(uids)
      const sizes = new Map<number, number>()
      const sources = new Map<number, Uint8Array>()
      for await (const { uid, size, source } of client.fetch(
        uids.join(','),
        { uid: true, ...query },
        { uid: true },
      )) {
        if (!wanted.has(uid)) continue
        if (size !== undefined && !sizes.has(uid)) sizes.set(uid, size)
        if (source && !sources.has(uid) && (wanted.size === 1 || source.length <= WINDOW))
          sources.set(uid, source)
      }
      return new Map([...sizes].map(([uid, size]) => [uid, { size, bytes: sources.get(uid) ?? null }]))
    }
    // A server that knows no partial FETCH hands over whole messages, whatever is asked for.
    const bytes = 2 * LONGEST_LITERAL
    return await this.#session.ask(`fetch ${named}`, fetch, query.source ? { bytes } : {})
  }
}

/** Says in the folder itself that we are done with a message, for a store that does not know any more. */
const SETTLED = '$DirectSettled'

/** Where the server says nothing, all flags stay (RFC 3501 7.1, PERMANENTFLAGS). */
function keepsKeyword(permanent: ReadonlySet<string> | undefined): boolean {
  return permanent === undefined || permanent.has('\\*') || permanent.has(SETTLED)
}

/** Sets of UIDs that a command line has room for. */
function inGroups(uids: readonly number[]): string[] {
  const groups: string[] = []
  for (let from = 0; from < uids.length; from += GROUP) groups.push(uids.slice(from, from + GROUP).join(','))
  return groups
}

/**
 * The path of a folder as the server spells it: as given, or else in another case; `/` stands for whatever the server
 * parts names with. Null where there is none, or only one that holds no messages.
 */
function findFolder(folders: readonly ListResponse[], name: string): string | null {
  const selectable = folders.filter(
    (folder) => !folder.flags.has('\\Noselect') && !folder.flags.has('\\NonExistent'),
  )
  const spelled = (folder: ListResponse) => folder.path.replaceAll(folder.delimiter, '/')
  const same = selectable.find((folder) => folder.path === name || spelled(folder) === name)
  const wanted = name.toLowerCase()
  const alike = selectable.find(
    (folder) => folder.path.toLowerCase() === wanted || spelled(folder).toLowerCase() === wanted,
  )
  return (same ?? alike)?.path ?? null
}
