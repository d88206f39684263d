import type { InboxEntry } from '../../store/index.ts'
import { DirectError } from '../errors.ts'
import type { PassTools } from '../inbox.ts'
import { openOuter } from '../open/outer.ts'
import type { Source } from '../smime/source.ts'
import { storedSource } from '../stored-source.ts'
import type { Pass, Wanted } from './wanted.ts'

/** A message at hand, as it came. */
export interface Taken extends AsyncDisposable {
  readonly raw: Source
  readonly entry: InboxEntry
}

/** Takes a message in, durable if it is S/MIME, and begins to open it. Null: somebody else took it out of the folder meanwhile. */
export async function take(wanted: Wanted, { mailbox, folder, tools }: Pass): Promise<Taken | null> {
  const { inbox } = tools.store
  const { uidValidity, uid, isBegun } = wanted
  const known = isBegun ? await inbox.find(mailbox.name, uidValidity, uid) : null
  const begin = async (body: number | null) =>
    known?.state === 'judged' ? known : inbox.begin(mailbox.name, uidValidity, uid, body)
  if (known !== null && known.body !== null) {
    const raw = await storedSource(tools.store, known.body)
    return { raw, entry: await begin(known.body), async [Symbol.asyncDispose]() {} }
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
  const entry = await begin(await keep(raw, tools))
  const kept = scope.move()
  return { raw, entry, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Null: what is not encrypted goes aside in its mailbox; a copy here would lie in the clear (IN-1, MSG-15). */
async function keep(raw: Source, { store }: PassTools): Promise<number | null> {
  const outer = await openOuter(raw)
  if ('code' in outer || 'code' in outer.cms) return null
  return await store.bodies.write(raw.read())
}
