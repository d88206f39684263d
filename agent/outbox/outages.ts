import type { DirectErrorCode } from '../errors.ts'
import type { Log } from '../log.ts'
import { Failures } from '../run/failures.ts'

/** What one server did not take since it last took anything. */
interface Outage {
  readonly step: symbol
  readonly copies: Set<number>
}

const HINT = 'direct status tells of each message what was said, and when it is tried again.'

/**
 * Tells the log of servers that take no mail, once for each and with how many copies are concerned: a thousand that wait
 * for one relay are one thing to mend. What is true of a single message is in the store.
 */
export class Outages {
  readonly #failures: Failures
  readonly #outages = new Map<string, Outage>()

  /** `elapsed`: milliseconds of a clock that nobody sets. */
  constructor(log: Log, elapsed?: () => number) {
    this.#failures = new Failures(log, elapsed)
  }

  /** `server` did not take a copy. `code`: of what kept it from there; undefined: it was asked, and wants it later. */
  notTaken(server: string, copy: number, code: DirectErrorCode | undefined): void {
    const { step, copies } = this.#of(server)
    copies.add(copy)
    const text = code === undefined ? `${server} puts mail off` : `mail is not handed over to ${server}`
    const facts = { loop: 'outbox', server, ...(code && { code }), copies: copies.size }
    const key = `${server} ${code}`
    this.#failures.fails(step, { key, text, facts, once: { hint: HINT }, isBug: false })
  }

  /** It took or refused one for good: it is there. */
  answered(server: string): void {
    const outage = this.#outages.get(server)
    if (outage === undefined) return
    this.#failures.succeeded(outage.step)
    outage.copies.clear()
  }

  #of(server: string): Outage {
    const known = this.#outages.get(server) ?? { step: Symbol(server), copies: new Set<number>() }
    this.#outages.set(server, known)
    return known
  }
}
