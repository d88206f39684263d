// What other processes do in the store's tests: `node child.ts DEED FILE …`. Started by scenario.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { exclusively, openStore, restoreStore } from '../../store/index.ts'
import { placeOf } from './place-text.ts'
import { at, bytes, message } from './scenario.ts'

const [deed = '', told = '', word = ''] = process.argv.slice(2)
// What is restored must not be open.
const place = placeOf(told)
const store = await openStore(deed === 'restore' ? { file: ':memory:' } : place)
// Nothing outlives the test that started it.
process.stdin
  .on('end', () => process.exit(1))
  .resume()
  .unref()
const say = (line: string) => process.stdout.write(`${line}\n`)

const DEEDS: Readonly<Record<string, () => Promise<void>>> = {
  /** Queues one message, says so, and hangs. */
  async add() {
    const body = await store.bodies.write(bytes('sealed'))
    await store.outbox.add(message(body, { idempotencyKey: 'visit-1' }))
    say('added')
    await sleep(60_000)
  },
  /** Begins a body and hangs in the midst of it, with chunks written. */
  async 'half-body'() {
    await store.bodies.write(
      (async function* () {
        for (let n = 0; n < 4; n++) yield new Uint8Array(1024 * 1024).fill(n)
        say('half')
        await sleep(60_000)
      })(),
    )
  },
  /** Holds a file alone, says so, and hangs. */
  async 'hold-alone'() {
    using _ = await exclusively(word, { what: 'holds it', patienceMs: 0 })
    say('held')
    await sleep(60_000)
  },
  /** Queues many messages one by one. */
  async 'add-many'() {
    const body = await store.bodies.write(bytes('sealed'))
    for (let n = 0; n < 50; n++)
      await store.outbox.add(message(body, { messageId: `<${word}-${n}@clinic.example>` }))
  },
  /** Claims until nothing is left, and says what it got. */
  async claim() {
    for (;;) {
      const copies = await store.outbox.claim(at(10), at(1000), { limit: 3 })
      if (copies.length === 0) return
      for (const copy of copies) say(`claimed ${copy.messageId}`)
    }
  },
  /** The most memory that a 250 MB body needs, written and read, in KiB above what the open store needs. */
  async memory() {
    const piece = new Uint8Array(64 * 1024).fill(7)
    const before = process.resourceUsage().maxRSS
    const body = await store.bodies.write(
      (async function* () {
        for (let n = 0; n < 4000; n++) yield piece
      })(),
    )
    let read = 0
    for await (const chunk of store.bodies.read(body)) read += chunk.length
    say(`${read} ${process.resourceUsage().maxRSS - before}`)
  },
  /** Puts a backup in the place of the store. */
  async restore() {
    const file = 'file' in place ? place.file : ''
    await restoreStore(word, { file, replace: true, actor: 'kim' })
  },
  async open() {
    say('open')
  },
}

const act = DEEDS[deed]
if (act === undefined) throw new Error(`no such deed: ${deed}`)
await act()
await store[Symbol.asyncDispose]()
