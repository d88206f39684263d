import { existsSync } from 'node:fs'
import type { Agent, AgentOptions, Log, Recording } from '../agent/index.ts'
import type { Output } from './output.ts'
import { jsonLine, short } from './printable.ts'

/** What the global options say, and the streams: what every command is given. */
export interface Session {
  /** Undefined: `direct.yaml` where there is one. */
  readonly config: string | undefined
  readonly json: boolean
  readonly at: Date | undefined
  readonly network: boolean
  /** Aborts on SIGINT, and on SIGTERM. */
  readonly signal: AbortSignal
  readonly out: Output
}

/**
 * The agent of a configuration, and on stderr (the daemon: in its log) what its administrator should always be told;
 * without `own`, as for commands that fail where a certificate of ours is of no use, nothing of these.
 * Imported here, so that usage errors and help do not wait for it.
 */
export async function openAgent(
  session: Session,
  {
    config = session.config,
    log,
    own = true,
    record,
  }: {
    readonly config?: string | undefined
    readonly log?: Log
    readonly own?: boolean
    readonly record?: Recording
  } = {},
): Promise<Agent> {
  const { createAgent } = await import('../agent/index.ts')
  const tell = (notice: string) => (log ? log.warn({}, notice) : session.out.note(notice))
  noteWithoutConfiguration(config, tell)
  const agent = await createAgent(config, {
    ...clockAndNetwork(session),
    ...(log && { log }),
    ...(record && { record }),
  })
  noteEmpty(agent, config, tell)
  // The daemon logs by itself what comes to an end.
  for (const notice of await agent.notices({ own, ends: log === undefined })) tell(shortened(notice))
  return agent
}

/**
 * For questions to the store alone: anchors that cannot be read are worth a note and stop nothing. Without `own`, as
 * where a certificate is about to come, nothing of our own ones.
 */
export async function openAgentForStore(
  session: Session,
  { own = true }: { readonly own?: boolean } = {},
): Promise<Agent> {
  const { createAgent, DirectError } = await import('../agent/index.ts')
  noteWithoutConfiguration(session.config, (notice) => session.out.note(notice))
  const agent = await createAgent(session.config, clockAndNetwork(session))
  noteEmpty(agent, session.config, (notice) => session.out.note(notice))
  const notices = agent.notices({ own }).catch((error: unknown) => {
    if (!(error instanceof DirectError)) throw error
    session.out.noteAtEnd(error.message)
    return []
  })
  for (const notice of await notices) session.out.note(shortened(notice))
  return agent
}

/** For what must find the store closed, or as it is: nobody is told anything beforehand but that a file is empty. */
export async function openAgentUnasked(session: Session): Promise<Agent> {
  const { createAgent } = await import('../agent/index.ts')
  noteWithoutConfiguration(session.config, (notice) => session.out.note(notice))
  const agent = await createAgent(session.config, clockAndNetwork(session))
  noteEmpty(agent, session.config, (notice) => session.out.note(notice))
  return agent
}

/** They come with every command: SHA-256s are told apart by less. */
function shortened(notice: string): string {
  return notice.replace(/\b[0-9a-f]{64}\b/g, short)
}

/** In the wrong folder an empty answer would read like "nobody" and "nothing". */
function noteWithoutConfiguration(config: string | undefined, tell: (notice: string) => void): void {
  if (config !== undefined || existsSync('direct.yaml')) return
  tell('there is no direct.yaml in this folder and no --config, so nothing is configured')
}

/** Of a file that was emptied by mistake it would too. */
function noteEmpty({ configured }: Agent, config = 'direct.yaml', tell: (notice: string) => void): void {
  if (configured.isEmpty) tell(`${config} is empty, so nothing is configured`)
}

export function clockAndNetwork({ at, network }: Session): Pick<AgentOptions, 'at' | 'network'> {
  return { network, ...(at && { at }) }
}

/** One object of the answer: a line of JSON with --json, otherwise `human`'s text. */
export async function answer(session: Session, value: unknown, human: () => string): Promise<void> {
  await session.out.line(session.json ? jsonLine(value) : human())
}
