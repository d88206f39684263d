import type { FetchQueryObject, ImapFlow, ListResponse } from 'imapflow'
import { DirectError } from '../agent/errors.ts'
import { Ahead, BEGINNING, type Beginning } from './imap-ahead.ts'
import { commandFailure, unreachable } from './imap-failures.ts'
import { type ImapLimits, ImapSession } from './imap-session.ts'
import type { ImapFolder, MailServer, SomeUids } from './types.ts'

/** Bytes per partial FETCH: what is in memory at once, and few enough questions for large mail. */
const CHUNK = 1024 * 1024
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
  readonly #ahead = new Ahead((uids) => this.#beginnings(uids))
  #hasKeywords: boolean

  constructor(session: ImapSession, path: string) {
    this.#session = session
    this.#path = path
    const { mailbox } = session.client
    this.uidValidity = mailbox === false ? '' : String(mailbox.uidValidity)
    this.#hasKeywords = mailbox !== false && keepsKeyword(mailbox.permanentFlags)
  }

  async uids(some?: SomeUids): Promise<readonly number[]> {
    const { client } = this.#session
    this.#session.forgetNews()
    const found = await this.#session.ask('list the messages', () =>
      client.search(some === undefined ? { all: true } : { uid: setOf(some) }, { uid: true }),
    )
    if (!Array.isArray(found)) throw commandFailure(this.#session.server, 'list the messages', null)
    return found.filter(isAmong(some)).sort((a, b) => a - b)
  }

  willFetch(uids: readonly number[]): void {
    this.#ahead.expect(uids)
  }

  async *fetch(uid: number): AsyncGenerator<Uint8Array> {
    let [offset, asked] = [0, CHUNK]
    const begun = await this.#ahead.beginning(uid)
    // An empty one is looked at by itself.
    if (begun !== null && begun.bytes.length > 0) {
      yield begun.bytes
      if (!hasMore(begun.bytes.length, BEGINNING, begun.size, 0)) return
      offset = begun.bytes.length
      asked = nextWindow(begun.bytes.length, BEGINNING, offset)
    }
    for (;;) {
      const message = await this.#fetch(uid, { size: true, source: { start: offset, maxLength: asked } })
      if (message === null && offset === 0) return
      if (message === null) {
        throw unreachable(this.#session.server, `message ${uid} was taken away while it was being read`)
      }
      const { size = 0, source: chunk } = message
      if (!isWindow(chunk, { asked, offset, size }))
        throw new DirectError(
          'IMAP_REFUSED',
          `${this.#session.server.host} did not hand over message ${uid} from byte ${offset} on`,
          {
            temporary: true,
            hint: 'It is left as it is and asked for again; the log of that server may say why.',
          },
        )
      if (!chunk || chunk.length === 0 || isAllAgain(chunk.length, asked, offset)) return
      yield chunk
      if (!hasMore(chunk.length, asked, size, offset)) return
      offset += chunk.length
      asked = nextWindow(chunk.length, asked, offset)
    }
  }

  async size(uid: number): Promise<number | null> {
    return (await this.#fetch(uid, { size: true }))?.size ?? null
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
    const { client } = this.#session
    const found = await this.#session.ask('list what is settled', () =>
      client.search({ keyword: SETTLED, ...(some && { uid: setOf(some) }) }, { uid: true }),
    )
    return Array.isArray(found) ? new Set(found.filter(isAmong(some))) : null
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

  /** What the server hands over of several, as far as it does. */
  async #beginnings(uids: readonly number[]): Promise<ReadonlyMap<number, Beginning>> {
    const { client } = this.#session
    const query = { uid: true, size: true, source: { start: 0, maxLength: BEGINNING } }
    const wanted = new Set(uids)
    return await this.#session.ask(`fetch messages ${uids}`, async () => {
      const found = new Map<number, Beginning>()
      for await (const { uid, size, source } of client.fetch(uids.join(','), query, { uid: true })) {
        if (!wanted.has(uid) || size === undefined || !source) continue
        // A server that knows no partial FETCH hands over all of it, and is asked for one after the other; one that is as
        // long as what was asked for as well: such a server would hand it over once more, as what follows.
        if (source.length > BEGINNING || (source.length === BEGINNING && size <= BEGINNING)) continue
        found.set(uid, { size, bytes: source })
      }
      return found
    })
  }

  /** The answer about this very message: servers also tell of others, unasked, in between (RFC 3501 7.4.2). */
  async #fetch(uid: number, query: FetchQueryObject): Promise<Fetched | null> {
    const { client } = this.#session
    return await this.#session.ask(`fetch message ${uid}`, async () => {
      let found: Fetched | null = null
      for await (const message of client.fetch(String(uid), { uid: true, ...query }, { uid: true })) {
        if (message.uid === uid && message.size !== undefined) found = message
      }
      return found
    })
  }
}

/** Says in the folder itself that we are done with a message, for a store that does not know any more. */
const SETTLED = '$DirectSettled'

/** Where the server says nothing, all flags stay (RFC 3501 7.1, PERMANENTFLAGS). */
function keepsKeyword(permanent: ReadonlySet<string> | undefined): boolean {
  return permanent === undefined || permanent.has('\\*') || permanent.has(SETTLED)
}

function setOf({ from, among }: SomeUids): string {
  return [...among.filter((uid) => uid < from), `${from}:*`].join(',')
}

/** `*` is the last message, whatever its UID is: where none is new, that one is found (RFC 3501 6.4.8). */
function isAmong(some: SomeUids | undefined): (uid: number) => boolean {
  if (some === undefined) return () => true
  const { from } = some
  const among = new Set(some.among)
  return (uid) => uid >= from || among.has(uid)
}

/** Sets of UIDs that a command line has room for. */
function inGroups(uids: readonly number[]): string[] {
  const groups: string[] = []
  for (let from = 0; from < uids.length; from += GROUP) groups.push(uids.slice(from, from + GROUP).join(','))
  return groups
}

/**
 * Whether a message goes on behind a chunk at `offset` of which `asked` bytes were asked for. RFC822.SIZE is not exact
 * everywhere: a full chunk may be followed by more, a short one before the end as well. One that is longer than asked for
 * is all there is, from a server that knows no partial FETCH.
 */
function hasMore(length: number, asked: number, size: number, offset: number): boolean {
  return length === asked || (length < asked && offset + length < size)
}

/**
 * How many bytes are asked for behind a chunk that was `length` bytes long: fewer than a server that knows no partial FETCH
 * would hand over once more, so that it shows by that.
 */
function nextWindow(length: number, asked: number, offset: number): number {
  return Math.max(1, Math.min(CHUNK, length === asked ? CHUNK : offset) - 1)
}

/** That a server which knows no partial FETCH has handed over what was read already. */
function isAllAgain(length: number, asked: number, offset: number): boolean {
  return length > asked && length === offset
}

/**
 * NIL is no window of a message whose size is not reached, nor is nothing the whole of it, nor more than was asked for the
 * rest: what is cut off, or comes twice, is no message.
 */
function isWindow(
  chunk: Buffer | undefined,
  { asked, offset, size }: { readonly asked: number; readonly offset: number; readonly size: number },
): boolean {
  if (!chunk) return offset > 0 && offset >= size
  if (offset === 0) return chunk.length > 0 || size === 0
  return chunk.length <= asked || isAllAgain(chunk.length, asked, offset)
}

type Fetched = { readonly size?: number | undefined; readonly source?: Buffer | undefined }

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
