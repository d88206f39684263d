import { randomBytes, randomInt } from 'node:crypto'
import { z } from 'zod'
import type { ClassifyTools } from '../classify.ts'
import { DirectError } from '../errors.ts'
import { givenAddress } from '../given-address.ts'
import { version } from '../version.ts'
import { type DecidedSettings, decidedFor } from './decided.ts'
import { RecordingTape } from './recording-tape.ts'
import { MOST_ADDRESSES, type OpenTrace, traceSchema } from './schema.ts'
import { type Askable, NOBODY } from './seams.ts'
import { throughTape } from './through.ts'
import type { Recording } from './trace.ts'
import type { Trace, TraceQuestion } from './types.ts'

/** What recording one question asks of its neighbours. */
export interface RecordTools extends Omit<Askable, 'network' | 'fetch' | 'proveTls'> {
  readonly tools: ClassifyTools
  readonly settings: DecidedSettings
  /** Null: the network is forbidden. */
  readonly fetch: Askable['fetch'] | null
  /** The clock on the wall. */
  readonly now: () => Date
  /** The time to judge by, where it is not that clock's. */
  readonly at: Date | null
}

/** 2^48 - 1 is the most that a draw of whole numbers goes to. */
const DRAWS = 2 ** 48 - 1

/**
 * Runs a question's flow, its answer made of nothing but what the trace holds, and adds the trace to `recording` once the
 * answer is there. Throws what the flow throws, and USAGE for more addresses than a trace holds; no trace is made then.
 */
export async function record<T>(
  question: TraceQuestion,
  flow: (tools: ClassifyTools) => Promise<T>,
  { tools, settings, fetch, cache, now, at }: RecordTools,
  recording: Recording,
  signal?: AbortSignal,
): Promise<T> {
  const { addresses, from } = question
  if (addresses.length > MOST_ADDRESSES)
    throw new DirectError('USAGE', `a trace holds no more than ${MOST_ADDRESSES} addresses`, {
      hint: 'Record those that support has to see.',
    })
  const sender = from === null ? null : givenAddress(from)
  const decided = await decidedFor(addresses, sender, tools, settings, signal)
  const frame: Omit<OpenTrace, 'exchanges'> = {
    format: 'direct-agent trace',
    version: 1,
    agent: version(),
    question: { ...question, addresses: [...addresses] },
    clock: { started: now(), at },
    random: { nonce: randomBytes(32), draw: randomInt(DRAWS) / DRAWS },
    decided,
  }
  const tape = new RecordingTape(frame.clock.started, now)
  const asked = {
    network: tools.sources.network ?? NOBODY.network,
    fetch: fetch ?? NOBODY.fetch,
    cache,
    proveTls: tools.proveTls ?? NOBODY.proveTls,
  }
  const answer = await flow(throughTape(tape, frame, asked, tools.tlsDomains))
  const trace = { ...frame, exchanges: tape.exchanges() }
  recording.add(z.encode(traceSchema, trace) as Trace)
  return answer
}
