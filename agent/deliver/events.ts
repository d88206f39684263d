import { createHash } from 'node:crypto'
import type { Store, TrackingEvent } from '../../store/index.ts'
import { DirectError } from '../errors.ts'
import type { Log } from '../log.ts'
import { once } from '../smime/source.ts'
import { pauseAfter } from './pauses.ts'
import type { Answer } from './post.ts'
import { Untaken } from './untaken.ts'
import type { Told } from './webhook.ts'

/** What telling the EHR of events asks of its neighbours. */
export interface EventTools {
  readonly store: Store
  readonly tell: (told: Told, signal?: AbortSignal) => Promise<Answer>
  /** How long an event is tried that is not taken while others are. */
  readonly giveUpMs: number
  /** Waits until no other process tells the events of this store. */
  readonly alone: (signal?: AbortSignal) => Promise<Disposable>
  readonly now: () => Date
  /** From 0 up to 1. */
  readonly random: () => number
  readonly log: Log
}

/** The row of the store that says how far the EHR was told. */
const CURSOR = 'webhook'
/** Events that are read at once. */
const BATCH = 100
/** Events that are not taken and of which the place is kept; with so many nothing new is read. */
const MOST_BEHIND = 1000
/** Messages whose events are told side by side. */
const ABREAST = 4
/** An event is given up after so many tries at least, however long it has been behind: a process that starts begins anew. */
const FEWEST_TRIES = 3
/** The pause of an EHR that takes nothing is no longer. */
const LONGEST_QUIET_MS = 60_000

/**
 * Tells the EHR what became of messages: each event at least once, those of one message in order, from where it left off
 * before a restart. An event that is not taken waits with those behind it of the same message, and with nobody else's.
 */
export class EventTeller {
  readonly #tools: EventTools
  /** Events that were tried in vain: how often, and when next. */
  readonly #tried = new Map<number, { readonly tries: number; readonly nextAt: number }>()
  /** While nothing is taken: how often that was so, and until when nobody asks. */
  #quiet = { looks: 0, until: 0 }
  readonly #untaken: Untaken

  constructor(tools: EventTools) {
    this.#tools = tools
    const hint = 'See what the EHR has against it: direct audit tells what the events are about.'
    this.#untaken = new Untaken({ loop: 'events', hint }, tools.log)
  }

  /** Tells what is due. */
  async look(signal?: AbortSignal): Promise<void> {
    if (this.#time() < this.#quiet.until) return
    while (!signal?.aborted && (await this.#lookOnce(signal)));
  }

  /** Whether there may be more. */
  async #lookOnce(signal: AbortSignal | undefined): Promise<boolean> {
    const { eventCursor, tracking } = this.#tools.store
    if (!(await this.#isDue())) return false
    using _ = await this.#tools.alone(signal)
    const cursor = await eventCursor.read(CURSOR)
    if (cursor === null) {
      // What was before the EHR asked to be told is no news.
      await eventCursor.write(CURSOR, { upTo: await tracking.lastEvent(), behind: [] })
      return false
    }
    const since = new Map(cursor.behind.map((one) => [one.id, one.since]))
    this.#forgetTold(cursor.upTo, since)
    const behind = await this.#eventsOf([...since.keys()])
    const fresh = behind.length < MOST_BEHIND ? await tracking.events(cursor.upTo, BATCH) : []
    const { done, failures } = await this.#tellAll([...behind, ...fresh], since, signal)
    const isFruitless = done.size === 0 && failures > 0
    this.#rest(isFruitless, done.size > 0)
    // Whoever took nothing has not been asked about all of them: they stay unread.
    const upTo =
      isFruitless || signal?.aborted ? lastOf(fresh, done, cursor.upTo) : (fresh.at(-1)?.id ?? cursor.upTo)
    const open = [...behind, ...fresh].filter(({ id }) => id <= upTo && !done.has(id))
    const now = this.#tools.now()
    if (done.size > 0 || upTo > cursor.upTo || open.length !== since.size)
      await eventCursor.write(CURSOR, {
        upTo,
        behind: open.map(({ id }) => ({ id, since: since.get(id) ?? now })),
      })
    return fresh.length === BATCH && !isFruitless
  }

  async #isDue(): Promise<boolean> {
    const { eventCursor, tracking } = this.#tools.store
    const cursor = await eventCursor.read(CURSOR)
    if (cursor === null || (await tracking.lastEvent()) > cursor.upTo) return true
    return cursor.behind.some(({ id }) => this.#isOver(id))
  }

  /** By another process that shares the store. */
  #forgetTold(upTo: number, behind: ReadonlyMap<number, unknown>): void {
    for (const id of this.#tried.keys()) if (id <= upTo && !behind.has(id)) this.#tried.delete(id)
  }

  /** Whether the pause of an event is over. */
  #isOver(id: number): boolean {
    return this.#time() >= (this.#tried.get(id)?.nextAt ?? 0)
  }

  #time(): number {
    return this.#tools.now().getTime()
  }

  async #eventsOf(ids: readonly number[]): Promise<readonly TrackingEvent[]> {
    const found: TrackingEvent[] = []
    for (const id of ids) {
      const [event] = await this.#tools.store.tracking.events(id - 1, 1)
      // Retention may have taken it away.
      if (event?.id === id) found.push(event)
    }
    return found
  }

  /** Message by message; no other is begun with once one was not taken while none was. */
  async #tellAll(
    events: readonly TrackingEvent[],
    since: ReadonlyMap<number, Date>,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly done: ReadonlySet<number>; readonly failures: number }> {
    const messages = Map.groupBy(events, ({ id, messageId }) => messageId ?? `event ${id}`)
    const waiting = [...messages.values()]
    const done = new Set<number>()
    let failures = 0
    const work = async () => {
      for (;;) {
        const isHopeless = done.size === 0 && failures > 0
        const ofMessage = signal?.aborted || isHopeless ? undefined : waiting.shift()
        if (ofMessage === undefined) return
        for (const event of ofMessage) {
          if (!this.#isOver(event.id)) break
          if (!(await this.#tell(event, since.get(event.id), signal))) {
            failures++
            break
          }
          done.add(event.id)
        }
      }
    }
    const worked = await Promise.allSettled(Array.from({ length: ABREAST }, work))
    const broken = worked.find(({ status }) => status === 'rejected')
    if (broken?.status === 'rejected' && !signal?.aborted) throw broken.reason
    return { done, failures }
  }

  /** Whether nothing more is to be told of it. */
  async #tell(
    event: TrackingEvent,
    since: Date | undefined,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { tell, giveUpMs, random, log } = this.#tools
    const facts = { event: event.id, type: event.type, messageId: event.messageId }
    const answer = await tell(asTold(event), signal).catch((error: unknown): Answer => {
      if (signal?.aborted || !(error instanceof DirectError)) throw error
      return { failed: error.message }
    })
    const status = 'status' in answer ? answer.status : 0
    const tries = (this.#tried.get(event.id)?.tries ?? 0) + 1
    if (status >= 200 && status < 300) {
      this.#tried.delete(event.id)
      this.#untaken.taken(event.id.toString())
      log.info(facts, 'the EHR was told')
      return true
    }
    const isOld = since !== undefined && this.#time() - since.getTime() >= giveUpMs && tries >= FEWEST_TRIES
    if (status === 422 || isOld) {
      this.#tried.delete(event.id)
      this.#untaken.givenUp(event.id.toString())
      log.warn({ ...facts, status, tries }, 'an event that the EHR did not take is given up')
      return true
    }
    const pause = pauseAfter(tries, Number.POSITIVE_INFINITY, random) ?? 0
    this.#tried.set(event.id, { tries, nextAt: this.#time() + pause })
    this.#untaken.notTaken(event.id.toString(), {
      text: 'failed' in answer ? answer.failed : `status ${status}`,
    })
    return false
  }

  #rest(isFruitless: boolean, isFruitful: boolean): void {
    if (isFruitful) this.#quiet = { looks: 0, until: 0 }
    if (!isFruitless) return
    const looks = this.#quiet.looks + 1
    const pause = pauseAfter(looks, Number.POSITIVE_INFINITY, this.#tools.random) ?? 0
    this.#quiet = { looks, until: this.#time() + Math.min(pause, LONGEST_QUIET_MS) }
  }
}

/** The last event that the cursor may stand at, where not all of `fresh` was asked about. */
function lastOf(fresh: readonly TrackingEvent[], done: ReadonlySet<number>, upTo: number): number {
  return fresh.findLast(({ id }) => done.has(id))?.id ?? upTo
}

/** After a store was restored its numbers come again, for other events: the key holds what the event says as well. */
function asTold({ id, type, messageId, address, at, why }: TrackingEvent): Told {
  const event = { id, type, messageId, address, at, why }
  const digest = createHash('sha256').update(JSON.stringify(event)).digest('hex').slice(0, 12)
  const key = `event-${id}-${digest}`
  const bytes = Buffer.from(JSON.stringify({ key, ...event }))
  return {
    event: type,
    key,
    contentType: 'application/json',
    body: { bytes: bytes.length, read: () => once(bytes) },
  }
}
