import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { Agent, Discovery, Recipient } from '../agent/index.ts'
import { version } from '../agent/version.ts'
import { fileOption } from './options.ts'
import { openAgent, type Session } from './session.ts'

/** `--record FILE` and `--replay FILE` of a question about addresses. */
export interface TraceOptions {
  readonly record?: string
  readonly replay?: string
}

export function addTraceOptions(command: Command): Command {
  return command
    .addOption(fileOption('--record <file>', 'keep all that the answer comes from, to send to support'))
    .addOption(fileOption('--replay <file>', 'answer from such a file alone: no network, no configuration'))
}

/** Whoever answers: the agent of the configuration, or a trace. */
export interface Answerer extends AsyncDisposable {
  /** None given: those of the trace. */
  classify(addresses: readonly string[], from: string | undefined): Promise<readonly Recipient[]>
  discover(address: string | undefined, from: string | undefined): Promise<Discovery>
}

/**
 * With --record, the trace is in its file before the answer is given. Throws USAGE where it is not said what is asked, and
 * what `createAgent`, `readTrace` and `writeTrace` throw.
 */
export async function openAnswerer(
  session: Session,
  { record, replay }: TraceOptions,
  addresses: readonly string[],
): Promise<Answerer> {
  if (replay !== undefined) {
    if (record === undefined) return replaying(session, replay)
    throw new DirectError('USAGE', '--record and --replay exclude each other', {
      hint: 'What is replayed is in its file already.',
    })
  }
  if (addresses.length === 0)
    throw new DirectError('USAGE', "missing required argument 'address'", {
      hint: 'Name an address, or a trace to replay: --replay FILE.',
    })
  return record === undefined ? asking(session, await openAgent(session)) : recording(session, record)
}

function asking({ signal }: Session, agent: Agent): Answerer {
  const options = (from: string | undefined) => ({ ...(from !== undefined && { from }), signal })
  return {
    classify: (addresses, from) => agent.classify(addresses, options(from)),
    discover: (address, from) => agent.discover(address as string, options(from)),
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  }
}

async function recording(session: Session, file: string): Promise<Answerer> {
  const { createRecording, writeTrace } = await import('../agent/index.ts')
  const record = createRecording()
  const answerer = asking(session, await openAgent(session, { record }))
  async function recorded<T>(answer: T): Promise<T> {
    for (const trace of record.traces) await writeTrace(file, trace)
    session.out.note(
      `${file} holds the addresses, their certificates, our anchors and what servers answered; no key, no password`,
    )
    return answer
  }
  return {
    classify: async (addresses, from) => recorded(await answerer.classify(addresses, from)),
    discover: async (address, from) => recorded(await answerer.discover(address, from)),
    [Symbol.asyncDispose]: () => answerer[Symbol.asyncDispose](),
  }
}

async function replaying({ at, config, out }: Session, file: string): Promise<Answerer> {
  const { readTrace, replay } = await import('../agent/index.ts')
  const recorded = await replay(await readTrace(file))
  // No error: scripts give it to every command, and the answer is what they asked for.
  if (config !== undefined) out.note(`${file} alone is answered from; ${config} is not read`)
  if (recorded.agent !== version())
    out.note(`recorded by direct-agent ${recorded.agent}; this is ${version()}, which may judge differently`)
  return {
    classify: (addresses, from) =>
      recorded.classify(addresses.length === 0 ? undefined : addresses, { from, at }),
    discover: (address, from) => recorded.discover(address, { from, at }),
    async [Symbol.asyncDispose]() {},
  }
}
