import { mutate, seeded } from './mutate.ts'
import type { Outcome, Target } from './targets.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly packets: number
  /** Milliseconds of its thread that one packet may take: what else the machine does counts for nothing. */
  readonly maxMs: number
}

/** What must not have happened, and the packet that it happened with. */
export interface Breakage {
  readonly packet: Buffer
  readonly why: string
}

export interface Fuzzed {
  readonly breakage: Breakage | null
  readonly packets: number
  /** Milliseconds, of the slowest packet. */
  readonly slowest: number
  /** Of the largest answer. */
  readonly largest: number
  /** How many packets came to what. */
  readonly kinds: ReadonlyMap<string, number>
}

/** One in so many is made of a heavy seed. */
const HEAVY = 200
/** One in so many is left as it is. */
const UNMENDED = 8
/** A packet that seemed slow is taken again: it is slow only if it always is, and not when memory was tidied up. */
const TRIES = 5
/** The share of the time that it may take, from which on a packet seems slow. */
const SEEMS_SLOW = 0.1

/** Gives a target mutated packets until one breaks it or all are done. The same seed makes the same packets. */
export function fuzz(target: Target, { seed, packets, maxMs }: FuzzOptions): Fuzzed {
  const random = seeded(seed)
  const kinds = new Map<string, number>()
  let slowest = 0
  let largest = 0
  for (let done = 0; done < packets; done++) {
    const from = random(HEAVY) === 0 ? target.heavy : target.seeds
    const mutated = mutate(from[random(from.length)] as Buffer, random, target.seeds)
    const packet = random(UNMENDED) === 0 ? mutated : target.mend(mutated)
    const taken = take(target, packet, maxMs)
    if ('why' in taken) return { breakage: taken, packets: done + 1, slowest, largest, kinds }
    slowest = Math.max(slowest, taken.ms)
    largest = Math.max(largest, taken.size)
    kinds.set(taken.kind, (kinds.get(taken.kind) ?? 0) + 1)
  }
  return { breakage: null, packets, slowest, largest, kinds }
}

function take(target: Target, packet: Buffer, maxMs: number): (Outcome & { readonly ms: number }) | Breakage {
  let ms = Number.POSITIVE_INFINITY
  let outcome: Outcome = { kind: '', size: 0 }
  try {
    for (let tries = 0; tries < TRIES && ms > maxMs * SEEMS_SLOW; tries++) {
      const start = process.threadCpuUsage()
      outcome = target.take(packet)
      const { user, system } = process.threadCpuUsage(start)
      ms = Math.min(ms, (user + system) / 1000)
    }
  } catch (error) {
    return { packet, why: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  if (ms > maxMs) return { packet, why: `it took ${ms.toFixed(1)} ms, more than ${maxMs}` }
  if (outcome.size > target.maxSize)
    return { packet, why: `it was answered with ${outcome.size} bytes, more than ${target.maxSize}` }
  return { ...outcome, ms }
}
