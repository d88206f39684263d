import type { Address } from '../address.ts'
import { DirectError } from '../errors.ts'
import { fileSource } from '../files/file-source.ts'
import { parseMailboxes } from '../mime/addresses.ts'
import { openEntity, readHead } from '../mime/entity.ts'
import type { Header } from '../mime/header.ts'
import { parseMediaType } from '../mime/media-type.ts'
import { decodeTransfer } from '../mime/transfer.ts'
import { isEnvelope } from '../smime/nested.ts'
import type { Source, Spool, Spooled } from '../smime/source.ts'
import { type Composed, type Routing, wrap } from '../smime/wrap.ts'
import { canonicalise } from './canonical.ts'
import { dateTimeOf, formatDate } from './date.ts'
import {
  type ComposeTools,
  checkMessageId,
  explainMime,
  messageIdsOf,
  newMessageId,
  notificationFields,
} from './fields.ts'

export interface ComposeFileOptions extends ComposeTools {
  readonly from: Address
  /** Everyone who gets a copy. Who stands in neither To nor Cc of the file is a Bcc recipient. */
  readonly to: readonly Address[]
}

/**
 * Composes a message that already is RFC 5322 (a source, or the path of a file). It becomes canonical (MSG-1), gets
 * Message-ID, Date and Disposition-Notification-To where it lacks them, loses Bcc and Resent-Bcc, and is otherwise left as it is. One
 * that is wrapped already is unwrapped first (MSG-2). Throws DirectError: `MESSAGE_INVALID` when it is no message, not
 * from `from`, or encrypted already (IN-4), `LIMIT_EXCEEDED` (IN-11), `FILE_UNREADABLE`. Dispose of the
 * result: it reads the file, or a spool.
 */
export async function composeFile(file: Source | string, options: ComposeFileOptions): Promise<Composed> {
  const source = typeof file === 'string' ? await fileSource(file) : borrowed(file)
  return await explainMime(compose(source, options))
}

/** A source that stays its owner's. */
function borrowed(source: Source): Spooled {
  return { ...source, async [Symbol.asyncDispose]() {} }
}

async function compose(file: Spooled, options: ComposeFileOptions): Promise<Composed> {
  const { spool, now, from } = options
  const { message, header } = await unwrapped(file, spool)
  try {
    checkOneAuthor(header, from)
    for (const name of ['Message-ID', 'Date', 'To', 'Cc', 'Content-Type']) checkOnce(header, name)
    if (header.fields.some(({ name }) => name === ''))
      throw invalid(
        'its header has a line that is no field',
        'Remove the line, or write it as `Name: value`.',
      )
    if (await isEnvelope(message, await readHead(message.read())))
      throw invalid(
        'it is encrypted already, and nobody opens an envelope within another',
        'Give the message as it was before it was encrypted, or attach it to another one.',
      )
  } catch (error) {
    await message[Symbol.asyncDispose]()
    throw error
  }
  const add: string[] = []
  const given = (name: string, make: () => string): string => {
    const value = header.first(name)
    if (value !== null) return value
    const made = make()
    add.push(`${name}: ${made}\r\n`)
    return made
  }
  const messageId = given('Message-ID', () => newMessageId(options.messageIdHost ?? from.domain))
  const date = given('Date', () => formatDate(now()))
  for (const [name, value] of notificationFields(from, options.finalDelivery ?? false))
    given(name, () => value)
  const inner = await canonicalise(message, { drop: ['bcc', 'resent-bcc'], add }, spool)
  try {
    return wrap(inner, {
      messageId: checkMessageId('Message-ID', messageId),
      date: dateTimeOf(date) ?? formatDate(now()),
      from,
      ...recipientsByField(header, options.to),
      inReplyTo: messageIdsOf(header.first('In-Reply-To')),
      references: messageIdsOf(header.first('References')),
    })
  } catch (error) {
    await inner[Symbol.asyncDispose]()
    throw error
  }
}

interface Opened {
  readonly message: Spooled
  readonly header: Header
}

/** What was wrapped is kept as it is; a transfer encoding that a wrapper may not have is undone (IN-2). Takes `file` over. */
async function unwrapped(file: Spooled, spool: Spool): Promise<Opened> {
  await using scope = new AsyncDisposableStack()
  scope.use(file)
  const { header, body, discard } = await openEntity(file.read())
  if (parseMediaType(header.first('Content-Type'))?.type === 'message/rfc822')
    return await opened(await spool(decodeTransfer(body, header.first('Content-Transfer-Encoding'))))
  await discard()
  scope.move()
  return { message: file, header }
}

/** Takes `message` over. */
async function opened(message: Spooled): Promise<Opened> {
  await using scope = new AsyncDisposableStack()
  scope.use(message)
  const { header } = await readHead(message.read())
  scope.move()
  return { message, header }
}

/** MSG-12: one From field with one mailbox, the one that signs. */
function checkOneAuthor(header: Header, from: Address): void {
  const fields = header.all('From')
  const { mailboxes, problems } = parseMailboxes(fields[0] ?? '')
  const hint = `Write exactly one field \`From: ${from}\`.`
  if (fields.length !== 1) throw invalid(`it has ${fields.length} From fields`, hint)
  if (problems.length > 0) throw invalid(`its From is not one plain mailbox: ${problems[0]}`, hint)
  if (mailboxes.length !== 1) throw invalid(`its From names ${mailboxes.length} mailboxes`, hint)
  if (mailboxes[0]?.address.key !== from.key)
    throw invalid(`it is from ${mailboxes[0]?.address}, and ${from} was to send it`, hint)
}

function checkOnce(header: Header, name: string): void {
  const { length } = header.all(name)
  if (length > 1) throw invalid(`it has ${length} ${name} fields`, `Keep one ${name} field (RFC 5322 3.6).`)
}

/** Which header field names each of them; one that stands in neither To nor Cc is a Bcc recipient. */
export function recipientsByField(
  header: Header,
  all: readonly Address[],
): Pick<Routing, 'to' | 'cc' | 'bcc'> {
  const keys = (name: string) =>
    new Set(parseMailboxes(header.first(name) ?? '').mailboxes.map(({ address }) => address.key))
  const inTo = keys('To')
  const inCc = keys('Cc')
  return {
    to: all.filter(({ key }) => inTo.has(key)),
    cc: all.filter(({ key }) => !inTo.has(key) && inCc.has(key)),
    bcc: all.filter(({ key }) => !inTo.has(key) && !inCc.has(key)),
  }
}

function invalid(what: string, hint: string): DirectError {
  return new DirectError('MESSAGE_INVALID', `the message cannot be sent: ${what}`, { hint })
}
