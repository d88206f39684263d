import type { ClassifyTools } from '../classify.ts'
import { createJudge } from '../trust/judge.ts'
import { toolsOf } from './decided.ts'
import type { OpenTrace } from './schema.ts'
import { type Askable, judgingThrough, networkThrough, tlsThrough } from './seams.ts'
import type { Tape } from './tape.ts'

/**
 * The tools of a question that is recorded or replayed: whoever is asked is asked through the tape, and everything else is
 * what the trace says was decided. Both use these, so that what a trace lacks the recorded answer lacked as well.
 * `tlsServers`: how to reach the servers of `tlsDomains`, null for a replay.
 */
export function throughTape(
  tape: Tape,
  { decided, random, clock: { at } }: Omit<OpenTrace, 'exchanges'>,
  asked: Askable,
  tlsServers: ClassifyTools['tlsDomains'] | null,
): ClassifyTools {
  const { configured, ...tools } = toolsOf(decided, tlsServers)
  return {
    ...tools,
    sources: {
      configured,
      network: decided.network ? networkThrough(tape, decided, random, asked.network) : null,
    },
    judge: createJudge(judgingThrough(tape, decided, random, asked)),
    proveTls: decided.network ? tlsThrough(tape, asked.proveTls) : null,
    now: at === null ? tape.now : () => at,
  }
}
