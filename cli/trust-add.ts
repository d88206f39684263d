import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { columns } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { actorOf, addActor, addScope, anchorText, scopeOf } from './trust-options.ts'

export function options(command: Command): void {
  addActor(addScope(command)).addHelpText(
    'after',
    '\nExample:\n  direct trust add partner-root.pem --for clinic-a.example --direction outgoing --actor kim\n',
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  await using agent = await openAgentForStore(session)
  const file = command.args[0] as string
  const { anchors, notes } = await agent.trust.add(file, { ...scopeOf(command), actor: actorOf(command) })
  for (const anchor of anchors)
    await answer(session, anchor, () =>
      columns([[anchor.change === 'added' ? 'added' : 'there already', anchor.sha256, anchorText(anchor)]]),
    )
  for (const note of notes) session.out.note(note)
  return EXIT.done
}
