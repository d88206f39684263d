import type { Outbox, OutboxCopy } from '../../store/index.ts'

/** What one claim has to leave out, as the store's `claim` wants it. */
export type LeaveOut = Pick<NonNullable<Parameters<Outbox['claim']>[2]>, 'route' | 'notDomains'>

/** How many copies one server may have under way, by the route to it. */
const MOST = { direct: 4, tls: 2 } as const

/**
 * Copies that this process has under way. Whoever takes copies to SMTP asks here which servers have enough: one that is
 * slow takes no more than its share of those who work, and mail to all others goes on.
 */
export class Lanes {
  readonly #most: Readonly<Record<OutboxCopy['route'], number>>
  readonly #underWay = new Set<OutboxCopy>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(most: Partial<Record<OutboxCopy['route'], number>> = {}) {
    this.#most = { ...MOST, ...most }
  }

  /** Takes a copy by `claim`, one claim after another, so that two do not both see the last place free. */
  async enter(claim: () => Promise<OutboxCopy | undefined>): Promise<OutboxCopy | undefined> {
    const taken = this.#last.then(async () => {
      const copy = await claim()
      if (copy !== undefined) this.#underWay.add(copy)
      return copy
    })
    this.#last = Promise.allSettled([taken])
    return await taken
  }

  leave(copy: OutboxCopy): void {
    this.#underWay.delete(copy)
  }

  /** What `wanted`, or any route, leaves to be claimed; null: nothing. */
  open(wanted: OutboxCopy['route'] | undefined): LeaveOut | null {
    const routes = (['direct', 'tls'] as const).filter(
      (route) =>
        (wanted ?? route) === route && (route === 'tls' || this.#count('direct') < this.#most.direct),
    )
    const [route] = routes
    if (route === undefined) return null
    return { ...(routes.length === 1 && { route }), notDomains: this.#fullDomains() }
  }

  /** Partners whose own server has enough. */
  #fullDomains(): readonly string[] {
    const domains = new Set(
      [...this.#underWay].filter(({ route }) => route === 'tls').map(({ domain }) => domain),
    )
    return [...domains].filter((domain) => this.#count('tls', domain) >= this.#most.tls)
  }

  #count(route: OutboxCopy['route'], domain?: string): number {
    return [...this.#underWay].filter(
      (copy) => copy.route === route && (domain === undefined || copy.domain === domain),
    ).length
  }
}
