import type { FetchQueryObject, ImapFlow, SearchObject } from 'imapflow'
import { DirectError } from '../agent/errors.ts'
import { Ahead } from './imap-ahead.ts'
import { knows } from './imap-capabilities.ts'
import { type Connected, LONGEST_LITERAL } from './imap-connect.ts'
import { commandFailure, listsNone, notHandedOver } from './imap-failures.ts'
import { findFolder } from './imap-names.ts'
import { type Handed, readMessage, WINDOW } from './imap-reading.ts'
import { type ImapLimits, ImapSession } from './imap-session.ts'
import { isAmong, rangesUpTo, setOf, uidsIn } from './imap-uids.ts'
import type { ImapFolder, MailServer, SomeUids } from './types.ts'

const EMPTY = { uidNext: 0, exists: 0 }
/** Messages that one STORE flags. */
const GROUP = 200

/**
 * Selects `folder`, in any case, on a connection that is logged in, and takes that connection over. A command that takes
 * longer than `limits.commandMs` in all has lost it: a server that answers byte by byte never falls silent. Throws DirectError
 * `IMAP_REFUSED` when there is no such folder, `IMAP_UNREACHABLE` (temporary), `ABORTED`.
 */
export async function openFolder(
  connected: Connected,
  server: MailServer,
  folder: string,
  limits: ImapLimits,
  signal: AbortSignal | undefined,
): Promise<ImapFolder> {
  const session = new ImapSession(connected, server, limits, signal)
  try {
    const path = findFolder(await session.list(), folder)
    if (path === null) {
      throw new DirectError('IMAP_REFUSED', `${server.host} has no folder ${folder} for ${server.user}`, {
        hint: `Create the folder ${folder}, or name another one at the end of the imap url.`,
      })
    }
    // A folder that is locked keeps its connection alive while nothing is asked.
    await session.ask(`open ${path}`, () => session.client.getMailboxLock(path))
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
    this.uidValidity = uidValidityOf(mailbox, path, session.server)
    this.#hasKeywords = mailbox !== false && keepsKeyword(mailbox.permanentFlags)
  }

  async uids(some?: SomeUids): Promise<readonly number[]> {
    this.#session.forgetNews()
    const { client, server } = this.#session
    for (let look = 1; ; look++) {
      const found = await this.#search('list the messages', {}, some)
      // Whoever may open a folder may list it, and read what is in it: this says how the server is just now.
      if (found === null) throw commandFailure(server, 'list the messages', null, true)
      const exists = client.mailbox === false ? 0 : client.mailbox.exists
      if (some !== undefined || found.length > 0 || exists === 0) return [...found].sort((a, b) => a - b)
      if (look === LOOKS) throw listsNone(server, this.#path, exists)
      await this.#hearWhatIsGone()
    }
  }

  /** Another client may have taken messages: a server must not say so with SEARCH, and does with NOOP (RFC 3501 7.4.1). */
  async #hearWhatIsGone(): Promise<void> {
    await this.#session.ask('hear what is gone', () => this.#session.client.noop())
  }

  willFetch(uids: readonly number[]): void {
    this.#ahead.expect(uids)
  }

  async *fetch(uid: number): AsyncGenerator<Uint8Array> {
    const { host } = this.#session.server
    yield* readMessage(await this.#ahead.message(uid), {
      window: (start, maxLength) => this.#fetchOne(uid, { size: true, source: { start, maxLength } }),
      refusal: (why) => notHandedOver(host, uid, why),
    })
  }

  async size(uid: number): Promise<number | null> {
    const found = await this.#fetchOne(uid, { size: true })
    if (found !== null) return found.size
    // Mail that is listed at each look, and of which nothing is said, would lie there, and nobody be told.
    const { client, server } = this.#session
    await this.#hearWhatIsGone()
    const search = () => client.search({ uid: String(uid) }, { uid: true })
    const listed = await this.#session.ask(`look for message ${uid}`, search)
    if (Array.isArray(listed) && listed.includes(uid))
      throw notHandedOver(server.host, uid, 'it is listed, and nothing is said of it')
    return null
  }

  async flagSeen(uids: number | readonly number[]): Promise<void> {
    for (const group of inGroups([uids].flat())) {
      const flags = this.#hasKeywords ? ['\\Seen', SETTLED] : ['\\Seen']
      const refusal = await this.#flag(group, flags)
      if (refusal === null) continue
      // A folder may be full of keywords (Dovecot's Maildir holds 26): without ours it can be \Seen all the same.
      if (!this.#hasKeywords || (await this.#flag(group, ['\\Seen'])) !== null) throw refusal
      this.#hasKeywords = false
    }
  }

  async flagSettled(uids: readonly number[]): Promise<void> {
    for (const group of inGroups(uids))
      if (this.#hasKeywords) this.#hasKeywords = (await this.#flag(group, [SETTLED])) === null
  }

  async settledUids(some?: SomeUids): Promise<ReadonlySet<number> | null> {
    if (!this.#hasKeywords) return null
    const found = await this.#search('list what is settled', { keyword: SETTLED }, some)
    return found === null ? null : new Set(found)
  }

  async moveTo(uid: number, folder: string): Promise<void> {
    const { client } = this.#session
    const path = findFolder(await this.#session.list(), folder) ?? (await this.#create(folder))
    // Without MOVE there may be a copy already, and there would be one more each time.
    const limits = { orThrow: true, ...(!knows(client, 'MOVE') && { temporary: false }) }
    const move = () => client.messageMove(String(uid), path, { uid: true })
    try {
      await this.#session.ask(`move message ${uid} into ${path}`, move, limits)
    } catch (error) {
      if (!isRefused(error) || !(await this.#isGone(uid))) throw error
    }
  }

  /** Another client was faster: servers refuse what is no more, and need not have told of it (RFC 2180 4). */
  async #isGone(uid: number): Promise<boolean> {
    await this.#hearWhatIsGone()
    try {
      return (await this.size(uid)) === null
    } catch (error) {
      if (isRefused(error)) return false
      throw error
    }
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
    if (some === undefined && knows(client, 'ESEARCH')) {
      // A hundred thousand UIDs in a row are named in twelve characters, and not in a megabyte (RFC 4731).
      const named = { uid: true, returnOptions: ['COUNT' as const, 'ALL' as const] }
      const found = await this.#session.ask(what, () => client.search(query, named))
      const uids = typeof found === 'object' && !Array.isArray(found) ? uidsIn(found) : null
      if (uids !== null) return uids
    }
    const { uidNext, exists } = client.mailbox === false ? EMPTY : client.mailbox
    const sets = some === undefined ? rangesUpTo(uidNext, exists) : [setOf(some)]
    const all = new Set<number>()
    for (const uid of sets) {
      const asked = uid === null ? query : { ...query, uid }
      const found = await this.#session.ask(what, () => client.search(asked, { uid: true }))
      if (!Array.isArray(found)) return null
      for (const one of found.filter(isAmong(some))) all.add(one)
    }
    return [...all]
  }

  /** Null: done; else the refusal. */
  async #flag(uids: string, flags: readonly string[]): Promise<DirectError | null> {
    const { client } = this.#session
    const flag = () => client.messageFlagsAdd(uids, [...flags], { uid: true, silent: true })
    try {
      await this.#session.ask(`flag message ${uids}`, flag, { orThrow: true })
      return null
    } catch (error) {
      if (isRefused(error)) return error
      throw error
    }
  }

  async #create(folder: string): Promise<string> {
    const { client } = this.#session
    const created = await this.#session.ask(`create ${folder}`, () => client.mailboxCreate(folder.split('/')))
    return created.path
  }

  /** Short ones whole: all that the server has, without a word of ours about how much that may be. */
  async #wholes(uids: readonly number[]): Promise<ReadonlyMap<number, Handed>> {
    const { handed: sizes } = await this.#fetch(uids, { size: true })
    const isShort = (uid: number) => (sizes.get(uid)?.size ?? WINDOW) < WINDOW / uids.length
    const short = uids.filter(isShort)
    if (short.length === 0) return new Map()
    const { handed } = await this.#fetch(short, { size: true, source: true })
    // An empty one is looked at by itself.
    return new Map([...handed].filter(([, { bytes }]) => bytes !== null && bytes.length > 0))
  }

  /** Null: it is gone. One that is there, and of which no size is said, is refused: it must not pass for one that is gone. */
  async #fetchOne(uid: number, query: FetchQueryObject): Promise<Handed | null> {
    const { handed, named } = await this.#fetch([uid], query)
    const found = handed.get(uid) ?? null
    if (found === null && named.has(uid))
      throw notHandedOver(this.#session.server.host, uid, 'its size is not told (RFC822.SIZE)')
    return found
  }

  /**
   * What the server says of these messages: it also tells of others in between, unasked, and may tell of one in several
   * answers (RFC 3501 7.4.2). What is longer than a window is not kept beside others. `named`: those that it said anything of.
   */
  async #fetch(
    uids: readonly number[],
    query: FetchQueryObject,
  ): Promise<{ readonly handed: ReadonlyMap<number, Handed>; readonly named: ReadonlySet<number> }> {
    const { client } = this.#session
    const what = uids.length === 1 ? `message ${uids}` : `messages ${uids}`
    const fetch = async () => {
      const wanted = new Set(uids)
      const named = new Set<number>()
      const sizes = new Map<number, number>()
      const sources = new Map<number, Uint8Array>()
      for await (const { uid, size, source } of client.fetch(
        uids.join(','),
        { uid: true, ...query },
        { uid: true },
      )) {
        if (!wanted.has(uid)) continue
        named.add(uid)
        if (size !== undefined && !sizes.has(uid)) sizes.set(uid, size)
        if (source && !sources.has(uid) && (wanted.size === 1 || source.length <= WINDOW))
          sources.set(uid, source)
      }
      const handed = [...sizes].map(
        ([uid, size]) => [uid, { size, bytes: sources.get(uid) ?? null }] as const,
      )
      return { handed: new Map(handed), named }
    }
    // A server that knows no partial FETCH hands over whole messages, whatever is asked for.
    const bytes = 2 * LONGEST_LITERAL
    const limits = { temporary: true, ...(query.source && { bytes }) }
    return await this.#session.ask(`fetch ${what}`, fetch, limits)
  }
}

function isRefused(error: unknown): error is DirectError {
  return error instanceof DirectError && error.code === 'IMAP_REFUSED'
}

/** Without it UIDs are those of one session (RFC 3501 6.3.1), and tomorrow's mail would pass for what is settled. */
function uidValidityOf(mailbox: ImapFlow['mailbox'], path: string, { host }: MailServer): string {
  if (mailbox !== false && mailbox.uidValidity !== undefined) return String(mailbox.uidValidity)
  throw new DirectError('IMAP_REFUSED', `${host} does not tell the UIDVALIDITY of ${path}`, {
    hint: 'Without it no message can be told from another one later: the folder is not read. Look at the log of that server.',
  })
}

/** So often is a folder listed of which the server says that there is something in it, and lists nothing. */
const LOOKS = 3

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
