import { type Address, parseAddress } from '../agent/address.ts'
import { type Certificate, distinct } from './x509/certificate.ts'

export type Direction = 'incoming' | 'outgoing'

/** Anchors of one origin. `for`: `*`, a domain (A-labels) or an address. */
export interface AnchorSet {
  readonly for: string
  readonly direction: 'both' | Direction
  readonly certificates: readonly Certificate[]
  /** A bundle that belongs here and was never had (one sentence): who is not trusted may be so only for that. */
  readonly missing?: string
}

/** An anchor that was taken out for one name: it does not count there, whichever set decides. */
export interface RemovedAnchor {
  readonly for: string
  /** Lower-case hex. */
  readonly sha256: string
}

/** Whose entries decide for a name of ours, and what they come to there. */
export interface DecidingEntries {
  readonly for: string
  readonly certificates: readonly Certificate[]
  /** As `AnchorSets.missing`. */
  readonly missing: readonly string[]
}

/**
 * Whom we believe, per domain or address and per direction (TR-1).
 *
 * The most specific entry that speaks of a direction decides alone: address, address without its tag, domain,
 * `*`. Never a union across these: whoever writes an entry for one domain beside `*` means to narrow, and
 * a union could only widen. Several entries for the same name add up.
 *
 * `removed` narrows further: what was taken out for a name does not come back by a less specific entry.
 */
export class AnchorSets {
  readonly #sets: readonly AnchorSet[]
  readonly #removed: readonly RemovedAnchor[]

  constructor(sets: readonly AnchorSet[], removed: readonly RemovedAnchor[] = []) {
    this.#sets = sets.map((set) => ({ ...set, for: set.for.toLowerCase() }))
    this.#removed = removed.map((one) => ({ ...one, for: one.for.toLowerCase() }))
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
    return this.#decide('outgoing', sendersNames(from, onlyIdentity))
  }

  /**
   * Why more may be trusted than the other calls say: bundles that belong to the deciding entries and were never had.
   * While there is one, `not trusted` and `no anchors` are not final. `either` as TR-3.
   */
  missing(direction: Direction | 'either', address: Address): readonly string[] {
    return this.#missing(direction === 'either' ? ['incoming', 'outgoing'] : [direction], namesOf(address))
  }

  /** `missing` for the anchors of `outgoingFor`. */
  missingFor(from: Address | null, onlyIdentity: string | null): readonly string[] {
    return this.#missing(['outgoing'], sendersNames(from, onlyIdentity))
  }

  /** The entries that decide in one direction for a name of ours: `*`, a domain or an address. Null: there are none. */
  deciding(direction: Direction, name: string): DecidingEntries | null {
    const names = namesFor(name)
    const [set] = this.#deciding(direction, names)
    if (set === undefined) return null
    return {
      for: set.for,
      certificates: this.#decide(direction, names),
      missing: this.#missing([direction], names),
    }
  }

  /** Nobody has an anchor for this direction, and none is missing either. */
  trustsNobody(direction: Direction): boolean {
    return !this.#sets.some(
      (set) =>
        (set.direction === 'both' || set.direction === direction) &&
        (set.certificates.length > 0 || set.missing !== undefined),
    )
  }

  #decide(direction: Direction, names: readonly string[]): readonly Certificate[] {
    const sets = this.#deciding(direction, names)
    const level = names.indexOf(sets[0]?.for ?? '')
    const out = new Set(
      this.#removed.filter((one) => names.slice(0, level).includes(one.for)).map(({ sha256 }) => sha256),
    )
    return distinct(sets.flatMap(({ certificates }) => certificates)).filter(({ sha256 }) => !out.has(sha256))
  }

  #missing(directions: readonly Direction[], names: readonly string[]): readonly string[] {
    const sets = directions.flatMap((direction) => this.#deciding(direction, names))
    return [...new Set(sets.flatMap(({ missing }) => missing ?? []))]
  }

  #deciding(direction: Direction, names: readonly string[]): readonly AnchorSet[] {
    const speaking = this.#sets.filter((set) => set.direction === 'both' || set.direction === direction)
    for (const name of names) {
      const sets = speaking.filter((set) => set.for === name)
      if (sets.length > 0) return sets
    }
    return []
  }
}

function sendersNames(from: Address | null, onlyIdentity: string | null): readonly string[] {
  return from !== null ? namesOf(from) : namesFor(onlyIdentity ?? '*')
}

/** Whose entries may decide for `*`, a domain or an address of ours, the most specific first. */
export function namesFor(name: string): readonly string[] {
  if (name === '*') return ['*']
  const address = parseAddress(name)
  return 'code' in address ? [name.toLowerCase(), '*'] : namesOf(address)
}

/** Most specific first. */
function namesOf(address: Address): readonly string[] {
  const untagged = address.withoutTag()
  return [address.key, ...(untagged === null ? [] : [untagged.key]), address.domain, '*']
}
