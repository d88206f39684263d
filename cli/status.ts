import type { Command } from 'commander'
import type { Agent } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { messageIdOf } from './options.ts'
import { columns, printable } from './printable.ts'
import { restoredHint } from './restored-hint.ts'
import { say } from './say.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { waitingText } from './status-waiting.ts'
import { nextTry, triesText } from './text/tries.ts'

type StoredMessage = Awaited<ReturnType<Agent['status']>>[number]
type Status = StoredMessage['recipients'][number]

export function options(command: Command): void {
  command
    .option('--waiting', 'what was received, and the EHR has yet to take')
    .addHelpText('after', "\nExamples:\n  direct status '<id@clinic-a.example>'\n  direct status --waiting\n")
}

/** Every state is an answer (0); only a message that we never sent is a no. */
export async function run(session: Session, command: Command): Promise<number> {
  const [text] = command.args
  const id = text === undefined ? undefined : messageIdOf(text)
  await using agent = await openAgentForStore(session)
  const { adviceOn } = await import('../agent/index.ts')
  const { waiting } = command.opts<{ readonly waiting?: true }>()
  if (waiting) {
    const untaken = await agent.untaken(id)
    for (const message of untaken) await answer(session, message, () => waitingText(message, adviceOn))
    const what = id === undefined ? 'nothing that was received' : `no message ${id}`
    if (untaken.length === 0) session.out.note(`${what} waits for the EHR`)
    return EXIT.done
  }
  const messages = await agent.status(id)
  for (const message of messages) await answer(session, message, () => messageText(message, adviceOn))
  if (id === undefined) {
    if (messages.length === 0) session.out.note('nothing has been sent yet')
    const { length } = await agent.untaken()
    if (length > 0)
      session.out.note(`${length} message(s) that were received wait for the EHR: direct status --waiting`)
    return EXIT.done
  }
  if (messages.length > 0) return EXIT.done
  say(
    session.out,
    `no message ${id} was sent from here`,
    `"direct status" lists every message that was; the same --config and dataDir are needed. Of one that was received, "direct status --waiting" tells whether it waits for the EHR, and "direct audit --message ID" what happened.${await restoredHint(agent)}`,
  )
  return EXIT.no
}

/** States in which somebody has to do something. */
const NOT_REACHED: ReadonlySet<string> = new Set(['failed', 'expired', 'refused'])

type Advice = (codes: readonly string[]) => readonly string[]

/** A recipient on a line; below one who was not reached the reasons with their codes, and what to do. */
function messageText(message: StoredMessage, adviceOn: Advice): string {
  const head = `${printable(message.messageId)}  ${message.at.toISOString()}  from ${printable(message.from)}`
  const rows = message.recipients.map((recipient) => {
    const { address, route, state, at } = recipient
    const why = NOT_REACHED.has(state) ? [] : [...reasonTexts(recipient), ...waitText(recipient)]
    return [`  ${state}`, at.toISOString(), route, address, why.join('; ')]
  })
  const lines = columns(rows).split('\n')
  return [
    head,
    ...message.recipients.flatMap(({ state, why }, i) => [
      lines[i] as string,
      ...(NOT_REACHED.has(state) ? whatToDo(why, adviceOn) : []),
    ]),
  ].join('\n')
}

/** A wait may have several causes, which their codes tell apart. */
function reasonTexts({ state, why }: Status): readonly string[] {
  return why.map(({ code, text }) => (state === 'queued' ? `${code}: ${text}` : text))
}

/** Who waits for a route has a reason that says when it is asked for again. */
function waitText({ route, tries, next }: Status): readonly string[] {
  return tries === null || next === null || route === 'undetermined' ? [] : [triesText(tries, nextTry(next))]
}

function whatToDo(why: Status['why'], adviceOn: Advice): readonly string[] {
  return [
    ...why.map(({ code, text }) => `${code}: ${text}`),
    ...adviceOn(why.map(({ code }) => code)).map((sentence) => `do: ${sentence}`),
  ].map((line) => `    ${printable(line)}`)
}
