import type { ImapClient } from '../../mailbox/index.ts'
import type { Store } from '../../store/index.ts'

/** A stop, as a kill between two steps leaves things. */
export class Stop extends Error {}

/** The same object with some methods replaced. */
export function replacing<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const own: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name)
      return typeof own === 'function' ? own.bind(target) : own
    },
  })
}

/**
 * Counts the calls of everything that it wraps and stops at one of them: before it does anything, or after it has done
 * all of it. `stopped` names the call; null when there were fewer.
 */
export class Faults {
  stopped: string | null = null
  readonly #at: number
  readonly #when: 'before' | 'after'
  #calls = 0
  #armed = true

  constructor(at: number, when: 'before' | 'after') {
    this.#at = at
    this.#when = when
  }

  disarm(): void {
    this.#armed = false
  }

  wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function' || typeof name === 'symbol') return value
        return (...args: unknown[]) => this.#call(name, () => Reflect.apply(value, target, args))
      },
    })
  }

  imap(client: ImapClient): ImapClient {
    return { open: async (...args) => this.wrap(await client.open(...args)) }
  }

  store(store: Store): Store {
    const { bodies, outbox, waiting, inbox, deliveries, eventCursor, tracking, audit } = store
    const { fetches, trust, book, capabilities, upkeep, leases, passes } = store
    return {
      bodies: this.wrap(bodies),
      outbox: this.wrap(outbox),
      waiting: this.wrap(waiting),
      inbox: this.wrap(inbox),
      deliveries: this.wrap(deliveries),
      eventCursor: this.wrap(eventCursor),
      tracking: this.wrap(tracking),
      audit: this.wrap(audit),
      fetches: this.wrap(fetches),
      trust: this.wrap(trust),
      book: this.wrap(book),
      capabilities: this.wrap(capabilities),
      upkeep: this.wrap(upkeep),
      leases: this.wrap(leases),
      passes: this.wrap(passes),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    }
  }

  #call(name: string, call: () => unknown): unknown {
    const hit = this.#armed && ++this.#calls === this.#at
    if (!hit) return call()
    this.stopped = `${this.#when} ${name}`
    if (this.#when === 'before') throw new Stop(this.stopped)
    const result = call()
    if (!(result instanceof Promise)) throw new Stop(this.stopped)
    return result.then(() => {
      throw new Stop(`${this.stopped}`)
    })
  }
}
