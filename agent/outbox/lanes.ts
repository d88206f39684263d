import type { Outbox, OutboxCopy } from '../../store/index.ts'

/** What one claim may take, as the store's `claim` wants it. */
export type Room = Pick<NonNullable<Parameters<Outbox['claim']>[2]>, 'route' | 'notDomains' | 'limit'>

/** How many copies may be under way: to the relay, to one partner's own server, and to all of those together. */
const MOST = { direct: 4, partner: 2, partners: 6 } as const

/**
 * Copies that this process has under way. Whoever takes copies to SMTP asks here which servers have enough: one that is
 * slow takes no more than its share, and mail to all others goes on.
 */
export class Lanes {
  readonly #most: Readonly<Record<keyof typeof MOST, number>>
  readonly #underWay = new Set<OutboxCopy>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(most: Partial<Record<keyof typeof MOST, number>> = {}) {
    this.#most = { ...MOST, ...most }
  }

  /** Takes copies by `claim`, one claim after another, so that two do not both see the last place free. */
  async enter(
    route: OutboxCopy['route'],
    claim: (room: Room) => Promise<readonly OutboxCopy[]>,
  ): Promise<readonly OutboxCopy[]> {
    const taken = this.#last.then(async () => {
      const room = this.room(route)
      return room === null ? [] : this.add(await claim(room))
    })
    this.#last = Promise.allSettled([taken])
    return await taken
  }

  /**
   * Takes these, however busy their server is; by itself for those of one message that is asked for, whose own turn has come.
   * Without those that are under way already: a clock that leaps ends holds, and must not let one be handed over twice.
   */
  add(copies: readonly OutboxCopy[]): readonly OutboxCopy[] {
    const known = new Set(this.underWay)
    const added = copies.filter(({ id }) => !known.has(id))
    for (const copy of added) this.#underWay.add(copy)
    return added
  }

  /** What this process is at. */
  get underWay(): readonly number[] {
    return [...this.#underWay].map(({ id }) => id)
  }

  leave(copy: OutboxCopy): void {
    this.#underWay.delete(copy)
  }

  /** What is free on a route; null: nothing. To partners one at a time: it may be the last that its server may have. */
  room(route: OutboxCopy['route']): Room | null {
    const underWay = [...this.#underWay].filter((copy) => copy.route === route)
    const most = route === 'direct' ? this.#most.direct : this.#most.partners
    const limit = most - underWay.length
    if (limit <= 0) return null
    if (route === 'direct') return { route, limit }
    const domains = Map.groupBy(underWay, ({ domain }) => domain)
    const full = [...domains].filter(([, copies]) => copies.length >= this.#most.partner)
    return { route, notDomains: full.map(([domain]) => domain), limit: 1 }
  }
}
