import { type Address, parseAddress } from '../agent/address.ts'
import { type Certificate, distinct } from './x509/certificate.ts'

export type Direction = 'incoming' | 'outgoing'

/** One entry of the configuration's `trust`, its files read. `for`: `*`, a domain (A-labels) or an address. */
export interface AnchorSet {
  readonly for: string
  readonly direction: 'both' | Direction
  readonly certificates: readonly Certificate[]
}

/**
 * Whom we believe, per domain or address and per direction (TR-1).
 *
 * The most specific entry that speaks of a direction decides alone: address, address without its tag, domain,
 * `*`. Never a union across these: whoever writes an entry for one domain beside `*` means to narrow, and
 * a union could only widen. Several entries for the same name add up.
 */
export class AnchorSets {
  readonly #sets: readonly AnchorSet[]

  constructor(sets: readonly AnchorSet[]) {
    this.#sets = sets.map((set) => ({ ...set, for: set.for.toLowerCase() }))
  }

  /** Anchors for messages that come to `address`. Empty: nobody is trusted. */
  incoming(address: Address): readonly Certificate[] {
    return this.#decide('incoming', namesOf(address))
  }

  /** Anchors for messages that go out from `address`. */
  outgoing(address: Address): readonly Certificate[] {
    return this.#decide('outgoing', namesOf(address))
  }

  /** For notifications from outside: incoming ∪ outgoing (TR-3). */
  either(address: Address): readonly Certificate[] {
    return distinct([...this.incoming(address), ...this.outgoing(address)])
  }

  /**
   * By whose anchors candidates are judged (DISC-10): those of `from`, else those of the only identity
   * (a domain or an address), else those for `*`. Empty is a configuration error, and the caller's to tell.
   */
  outgoingFor(from: Address | null, onlyIdentity: string | null): readonly Certificate[] {
    if (from !== null) return this.outgoing(from)
    if (onlyIdentity === null) return this.#decide('outgoing', ['*'])
    const address = parseAddress(onlyIdentity)
    const names = 'code' in address ? [onlyIdentity.toLowerCase(), '*'] : namesOf(address)
    return this.#decide('outgoing', names)
  }

  /** Anchors that are not used at that time although they are configured (CERT-6). */
  expired(at: Date): readonly { readonly for: string; readonly certificate: Certificate }[] {
    return this.#sets.flatMap((set) =>
      set.certificates
        .filter((certificate) => !certificate.isWithinValidity(at))
        .map((certificate) => ({ for: set.for, certificate })),
    )
  }

  /** Every anchor configured for anyone, once. */
  all(): readonly Certificate[] {
    return distinct(this.#sets.flatMap((set) => set.certificates))
  }

  #decide(direction: Direction, names: readonly string[]): readonly Certificate[] {
    const speaking = this.#sets.filter((set) => set.direction === 'both' || set.direction === direction)
    for (const name of names) {
      const sets = speaking.filter((set) => set.for === name)
      if (sets.length > 0) return distinct(sets.flatMap((set) => set.certificates))
    }
    return []
  }
}

/** Most specific first. */
function namesOf(address: Address): readonly string[] {
  const untagged = address.withoutTag()
  return [address.key, ...(untagged === null ? [] : [untagged.key]), address.domain, '*']
}
