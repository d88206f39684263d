import type { Command } from 'commander'
import type { Agent } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { say } from './failure.ts'
import { messageIdOf } from './options.ts'
import { columns, printable } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'

type StoredMessage = Awaited<ReturnType<Agent['status']>>[number]

export function options(command: Command): void {
  command.addHelpText('after', "\nExample:\n  direct status '<id@clinic-a.example>'\n")
}

/** Every state is an answer (0); only a message that we never sent is a no. */
export async function run(session: Session, command: Command): Promise<number> {
  const [text] = command.args
  const id = text === undefined ? undefined : messageIdOf(text)
  await using agent = await openAgentForStore(session)
  const messages = await agent.status(id)
  for (const message of messages) await answer(session, message, () => messageText(message))
  if (messages.length > 0) return EXIT.done
  if (id === undefined) {
    session.out.note('nothing has been sent yet')
    return EXIT.done
  }
  say(
    session.out,
    `no message ${id} was sent from here`,
    '"direct status" lists every message; the same --config and dataDir are needed.',
  )
  return EXIT.no
}

function messageText(message: StoredMessage): string {
  const rows = message.recipients.map(({ address, route, state, at, why }) => [
    `  ${state}`,
    at.toISOString(),
    route,
    address,
    why.map(({ text }) => text).join('; '),
  ])
  return `${printable(message.messageId)}  ${message.at.toISOString()}  from ${printable(message.from)}\n${columns(rows)}`
}
