import { parseAddress } from '../address.ts'
import { type ClassifyTools, classify, discover } from '../classify.ts'
import { DirectError } from '../errors.ts'
import { givenAddress } from '../given-address.ts'
import type { Discovery, Recipient } from '../recipient-types.ts'
import { openTrace } from './open.ts'
import { ReplayingTape } from './replaying-tape.ts'
import type { OpenTrace } from './schema.ts'
import { NOBODY } from './seams.ts'
import { throughTape } from './through.ts'
import type { Trace, TraceQuestion } from './types.ts'

/** Addresses that a hint names. */
const MOST_NAMED = 8

/** How a recorded question is asked again. */
export interface ReplayOptions {
  /** The sender and the time to judge by: not needed, and those that were recorded. */
  readonly from?: string | undefined
  readonly at?: Date | undefined
}

/** A question that was recorded, to be answered again. */
export interface Replay {
  /** What was asked. */
  readonly question: TraceQuestion
  /** The version of direct-agent that recorded it. */
  readonly agent: string
  /** As `Agent.classify`: of all addresses recorded, or of these. Throws USAGE for what was not recorded, TRACE_INVALID. */
  classify(addresses?: readonly string[], options?: ReplayOptions): Promise<readonly Recipient[]>
  /** As `Agent.discover`. Throws USAGE for what was not recorded, TRACE_INVALID. */
  discover(address?: string, options?: ReplayOptions): Promise<Discovery>
}

/** As `trace.ts` says. */
export function replay(trace: Trace): Replay {
  const opened = openTrace(trace)
  const { question, agent } = opened
  const { addresses } = question
  const more = addresses.length > MOST_NAMED ? [`${addresses.length - MOST_NAMED} more`] : []
  const all = [...addresses.slice(0, MOST_NAMED), ...more].join(', ')

  async function answer<T>(
    flow: (tools: ClassifyTools) => Promise<T>,
    { from, at }: ReplayOptions,
  ): Promise<T> {
    requireRecorded(opened, from, at)
    const tape = new ReplayingTape(opened)
    try {
      const answered = await flow(throughTape(tape, opened, NOBODY, null))
      // Somebody on the way may have made do without it.
      if (tape.lack !== null) throw tape.lack
      return answered
    } catch (error) {
      throw tape.lack ?? error
    } finally {
      tape.close()
    }
  }

  /** As it was written then. */
  function recorded(text: string): number {
    const index = addresses.findIndex((one) => keyOf(one) === keyOf(text))
    if (index >= 0) return index
    throw notRecorded(`the address ${JSON.stringify(text.slice(0, 100))}`, `It holds ${all}.`)
  }

  const sender = question.from === null ? null : givenAddress(question.from)
  return {
    question,
    agent,
    async classify(asked = addresses, options = {}) {
      const wanted = asked.map(recorded)
      // All of them, as then: what one of them asked for another may have waited for.
      const classified = await answer((tools) => classify(addresses, sender, tools), options)
      return wanted.flatMap((index) => classified[index]?.recipient ?? [])
    },
    async discover(asked, options = {}) {
      if (asked === undefined && addresses.length > 1)
        throw new DirectError('USAGE', 'the trace holds several addresses', {
          hint: `Name one of them: ${all}.`,
        })
      const text = addresses[asked === undefined ? 0 : recorded(asked)] as string
      return answer((tools) => discover(text, sender, tools), options)
    },
  }
}

function requireRecorded(
  { question, clock }: OpenTrace,
  from: string | undefined,
  at: Date | undefined,
): void {
  if (from !== undefined && (question.from === null || keyOf(from) !== keyOf(question.from)))
    throw notRecorded(
      `a question from ${JSON.stringify(from.slice(0, 100))}`,
      question.from === null ? 'It was asked without --from.' : `It was asked from ${question.from}.`,
    )
  if (at === undefined || at.getTime() === (clock.at ?? clock.started).getTime()) return
  const then = clock.at === null ? `now, which was ${clock.started.toISOString()}` : clock.at.toISOString()
  throw notRecorded(`an answer as of ${at.toISOString()}`, `It was judged as of ${then}.`)
}

function notRecorded(what: string, hint: string): DirectError {
  return new DirectError('USAGE', `the trace does not hold ${what}`, { hint })
}

function keyOf(text: string): string {
  const address = parseAddress(text)
  return 'code' in address ? text : address.key
}
