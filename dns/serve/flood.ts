import { isIPv4 } from 'node:net'

export interface FloodOptions {
  /** Full answers that one network of clients gets each second, on the average. Default 50. */
  readonly perSecond?: number
  /** And at once, after a rest. Default 100. */
  readonly burst?: number
  /** Networks remembered; of more, the one that asked longest ago is forgotten. Default 10,000, about 2 MB. */
  readonly networks?: number
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

/** A bucket of answers, filled at a steady rate up to the burst. */
interface Bucket {
  readonly answers: number
  readonly at: number
}

/**
 * How many answers over UDP each network of clients gets, since the source of a datagram can be forged: whoever would
 * flood a victim by way of us gets no more than this out of us. Counted by network (`networkOf`), as forged sources
 * are spread over the victim's.
 */
export class AnswerLimit {
  readonly #perSecond: number
  readonly #burst: number
  readonly #networks: number
  readonly #now: () => number
  /** In the order of the last question. */
  readonly #buckets = new Map<string, Bucket>()

  constructor({ perSecond = 50, burst = 100, networks = 10_000, now }: FloodOptions = {}) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#networks = networks
    this.#now = now ?? (() => performance.now())
  }

  /** Counts one question from an IP address; false: it came with too many others of its network. */
  allows(address: string): boolean {
    const network = networkOf(address)
    const at = this.#now()
    const last = this.#buckets.get(network) ?? { answers: this.#burst, at }
    const filled = Math.min(this.#burst, last.answers + ((at - last.at) / 1000) * this.#perSecond)
    const isAllowed = filled >= 1
    this.#buckets.delete(network)
    this.#buckets.set(network, { answers: isAllowed ? filled - 1 : filled, at })
    if (this.#buckets.size > this.#networks) this.#buckets.delete(this.#buckets.keys().next().value as string)
    return isAllowed
  }
}

/** The /24 of an IPv4 address, mapped ones too, or the /56 of an IPv6 address: what one client may well have. */
export function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '')
  if (isIPv4(plain)) return plain.slice(0, plain.lastIndexOf('.'))
  // A tail in dots is two groups, and no part of the network.
  const [front = '', back] = plain.replace(/\d+(\.\d+){3}$/, '0:0').split('::')
  const before = front === '' ? [] : front.split(':')
  const after = back ? back.split(':') : []
  const left = back === undefined ? 0 : 8 - before.length - after.length
  const groups = [...before, ...Array<string>(left).fill('0'), ...after].map((group) =>
    Number.parseInt(group, 16),
  )
  return [...groups.slice(0, 3), (groups[3] ?? 0) >> 8].map((group) => group.toString(16)).join(':')
}
