import { randomUUID } from 'node:crypto'
import { type Leases, type Wait, waitUntilOurs } from '../../store/index.ts'

/** Who dies is followed after this. */
const LEASE_MS = 30_000
/** Well before it ends: a renewal may have to wait. */
const RENEW_MS = 10_000
/** Between two looks at whether another process has finished. */
const LOOK_MS = 250

/** The leases of this process, in a store that several share. What it holds is given back when it is disposed of. */
export class HeldLeases implements AsyncDisposable {
  readonly #leases: () => Promise<Leases>
  readonly #holder = randomUUID()
  /** By name: when a lease that stays was taken or renewed, in milliseconds of a clock that nobody sets. */
  readonly #staying = new Map<string, number>()
  /** Those of `alone`. */
  readonly #passing = new Set<Disposable>()
  /** Being given back. */
  readonly #ending = new Set<Promise<void>>()

  constructor(leases: () => Promise<Leases>) {
    this.#leases = leases
  }

  /** Whether this process is the one that does `name`. Asked before each step; whoever it is stays it until it ends. */
  async isOurs(name: string): Promise<boolean> {
    const asked = performance.now()
    if (asked - (this.#staying.get(name) ?? Number.NEGATIVE_INFINITY) < RENEW_MS) return true
    const taken = await (await this.#leases()).take(name, this.#holder, LEASE_MS)
    if (taken) this.#staying.set(name, asked)
    else this.#staying.delete(name)
    return taken
  }

  /**
   * Waits up to `patienceMs` for whoever else is at `name`. Throws DirectError STORE_FAILED (temporary) when that is not
   * over by then, `what` saying what it does; ABORTED.
   */
  async alone(name: string, wait: Wait): Promise<Disposable> {
    const [leases, holder] = [await this.#leases(), randomUUID()]
    await waitUntilOurs(() => leases.take(name, holder, LEASE_MS), LOOK_MS, wait)
    const renewing = setInterval(() => {
      // A store that cannot be asked now is asked again: until the lease ends it is ours.
      leases.take(name, holder, LEASE_MS).catch(() => false)
    }, RENEW_MS)
    renewing.unref()
    const held = {
      [Symbol.dispose]: () => {
        clearInterval(renewing)
        if (this.#passing.delete(held)) this.#end(leases.release(holder, name))
      },
    }
    this.#passing.add(held)
    return held
  }

  #end(releasing: Promise<void>): void {
    // What cannot be given back ends by itself.
    const ended = releasing.catch(() => undefined).then(() => void this.#ending.delete(ended))
    this.#ending.add(ended)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const held of this.#passing) held[Symbol.dispose]()
    if (this.#staying.size > 0) this.#end((await this.#leases()).release(this.#holder))
    this.#staying.clear()
    await Promise.all(this.#ending)
  }
}
