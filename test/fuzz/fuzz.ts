import { seeded } from './mutate.ts'
import type { Outcome, Target } from './target.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly inputs: number
  /** Milliseconds of its thread that one input may take: what else the machine does counts for nothing. */
  readonly maxMs: number
  /** Bytes that the process may grow by while it takes one input. */
  readonly maxGrowth: number
}

/** What must not have happened, and the input that it happened with. */
export interface Breakage {
  readonly input: Buffer
  readonly why: string
}

export interface Fuzzed {
  readonly breakage: Breakage | null
  readonly inputs: number
  /** Milliseconds, of the slowest input. */
  readonly slowest: number
  /** Of the largest answer. */
  readonly largest: number
  /** How many inputs came to what. */
  readonly kinds: ReadonlyMap<string, number>
}

/** One in so many is made of a heavy seed. */
const HEAVY = 200
/** One in so many is left as it is. */
const UNMENDED = 8
/** An input that seemed slow is taken again: it is slow only if it always is, and not when memory was tidied up. */
const TRIES = 5
/** The share of the time that it may take, from which on an input seems slow. */
const SEEMS_SLOW = 0.1

/** Gives a target mutated inputs until one breaks it or all are done. The same seed makes the same inputs. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<Fuzzed> {
  const random = seeded(options.seed)
  const kinds = new Map<string, number>()
  let slowest = 0
  let largest = 0
  for (let done = 0; done < options.inputs; done++) {
    const from = random(HEAVY) === 0 ? target.heavy : target.seeds
    const mutated = target.mutate(from[random(from.length)] as Buffer, random, target.seeds)
    const input = random(UNMENDED) === 0 ? mutated : target.mend(mutated)
    const taken = await take(target, input, options)
    if ('why' in taken) return { breakage: taken, inputs: done + 1, slowest, largest, kinds }
    slowest = Math.max(slowest, taken.ms)
    largest = Math.max(largest, taken.size)
    kinds.set(taken.kind, (kinds.get(taken.kind) ?? 0) + 1)
  }
  return { breakage: null, inputs: options.inputs, slowest, largest, kinds }
}

async function take(
  target: Target,
  input: Buffer,
  { maxMs, maxGrowth }: FuzzOptions,
): Promise<(Outcome & { readonly ms: number }) | Breakage> {
  let ms = Number.POSITIVE_INFINITY
  let outcome: Outcome = { kind: '', size: 0 }
  const peak = peakBytes()
  const before = process.memoryUsage.rss()
  try {
    for (let tries = 0; tries < TRIES && ms > maxMs * SEEMS_SLOW; tries++) {
      const start = process.threadCpuUsage()
      outcome = await target.take(input)
      const { user, system } = process.threadCpuUsage(start)
      ms = Math.min(ms, (user + system) / 1000)
    }
  } catch (error) {
    return { input, why: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  if (ms > maxMs) return { input, why: `it took ${ms.toFixed(1)} ms, more than ${maxMs}` }
  const growth = peakBytes() > peak ? peakBytes() - before : 0
  if (growth > maxGrowth) return { input, why: `it took ${growth >> 20} MB, more than ${maxGrowth >> 20}` }
  if (outcome.size > target.maxSize)
    return { input, why: `it was answered with ${outcome.size} bytes, more than ${target.maxSize}` }
  return { ...outcome, ms }
}

/** The most that the process ever held. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}
