import type { InboxEntry, NewBody } from '../../store/index.ts'
import { DirectError } from '../errors.ts'
import type { PassTools } from '../inbox.ts'
import { openOuter } from '../open/outer.ts'
import type { Source } from '../smime/source.ts'
import { toStore, wholeSource } from '../stored-source.ts'
import type { Pass, Wanted } from './wanted.ts'

/** A message at hand, as it came. */
export interface Taken extends AsyncDisposable {
  /** `damaged`: what was stored is not what was written, and it is to be had nowhere else. */
  readonly raw: Source | 'damaged'
  readonly entry: InboxEntry
}

/**
 * Takes a message in, durable if it is S/MIME, and begins to open it. What was damaged in the store is fetched anew where
 * its folder still has it. Null: somebody else took it out of the folder meanwhile.
 */
export async function take(wanted: Wanted, { mailbox, folder, present, tools }: Pass): Promise<Taken | null> {
  const { inbox } = tools.store
  const { uidValidity, uid, isBegun } = wanted
  const known = isBegun ? await inbox.find(mailbox.name, uidValidity, uid) : null
  const begin = async (body: NewBody | null) =>
    known?.state === 'judged' ? known : inbox.begin(mailbox.name, uidValidity, uid, body)
  if (known !== null && known.body !== null) {
    const raw = await wholeOrDamaged(known.body, tools)
    if (raw !== 'damaged') return { raw, entry: await begin(known.body), async [Symbol.asyncDispose]() {} }
    if (uidValidity !== folder.uidValidity || !present.has(uid))
      return { raw, entry: known, async [Symbol.asyncDispose]() {} }
  }
  if (uidValidity !== folder.uidValidity) return null
  await using scope = new AsyncDisposableStack()
  const raw = scope.use(await tools.open.spool(folder.fetch(uid)))
  const size = raw.bytes === 0 ? await folder.size(uid) : raw.bytes
  if (size === null) return null
  if (size > raw.bytes)
    throw new DirectError('IMAP_REFUSED', `message ${uid} of ${mailbox.name} was not handed over`, {
      temporary: true,
      hint: 'It is left as it is and asked for again; the log of that server may say why.',
    })
  const entry = await begin(await keep(raw, known, tools))
  const kept = scope.move()
  return { raw, entry, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/**
 * What is stored of it: bytes, where they are few enough to be stored with their row, else a body. Null: what is not
 * encrypted goes aside in its mailbox; a copy here would lie in the clear (IN-1, MSG-15).
 */
async function keep(
  raw: Source,
  known: InboxEntry | null,
  { store, now }: PassTools,
): Promise<NewBody | null> {
  const outer = await openOuter(raw)
  if ('code' in outer || 'code' in outer.cms) return null
  if (known === null || known.body === null) return await toStore(raw, store)
  const body = await store.bodies.write(raw.read())
  await store.inbox.fetchedAgain(known.id, body, now())
  return body
}

async function wholeOrDamaged(body: number, { store }: PassTools): Promise<Source | 'damaged'> {
  try {
    return await wholeSource(store, body)
  } catch (error) {
    if (error instanceof DirectError && error.code === 'STORE_DAMAGED') return 'damaged'
    throw error
  }
}
