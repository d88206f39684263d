import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { answer, openAgentUnasked, type Session } from './session.ts'
import { actorOf, addActor } from './trust-options.ts'

export function options(command: Command): void {
  addActor(command.option('--replace', 'give up what the store holds now')).addHelpText(
    'after',
    '\nStop the daemon first. What was due at the backup is sent five minutes later at the earliest.\n\nExample:\n  direct store restore /backup/direct-2026-11-21.db --actor kim\n',
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { replace } = command.opts<{ readonly replace?: true }>()
  await using agent = await openAgentUnasked(session)
  session.out.progress('restoring the store …')
  const restored = await agent.store.restore(command.args[0] as string, { replace, actor: actorOf(command) })
  const { version, newest } = restored
  await answer(
    session,
    restored,
    () =>
      `restored: what was known until ${newest === null ? 'the beginning' : newest.toISOString()} (schema version ${version})`,
  )
  session.out.note('mail that came since is in the mailboxes, and comes again; now start the daemon')
  return EXIT.done
}
