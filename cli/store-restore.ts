import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { answer, openAgentUnasked, type Session } from './session.ts'
import { text as findingText } from './store-check.ts'
import { showing } from './store-progress.ts'
import { actorOf, addActor } from './trust-options.ts'

export function options(command: Command): void {
  command
    .option('--replace', 'give up what the store holds now')
    .option('--even-damaged', 'take a damaged backup too, where SQLite can read its pages')
  addActor(command).addHelpText(
    'after',
    '\nStop the daemon first. What was due at the backup is sent five minutes later at the earliest.\n\nExample:\n  direct store restore /backup/direct-2026-11-21.db --actor kim\n',
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { replace, evenDamaged } = command.opts<{ readonly replace?: true; readonly evenDamaged?: true }>()
  await using agent = await openAgentUnasked(session)
  session.out.progress('restoring the store …')
  const restored = await agent.store.restore(command.args[0] as string, {
    replace,
    evenDamaged,
    actor: actorOf(command),
    tell: showing(session, 'reading the backup'),
  })
  const { version, newest, seal, damage } = restored
  await answer(session, restored, () =>
    [
      `restored: what was known until ${newest === null ? 'the beginning' : newest.toISOString()} (schema version ${version})`,
      ...damage.map(findingText),
    ].join('\n'),
  )
  if (seal !== 'whole') session.out.note(UNSEALED[seal])
  session.out.note('mail that came since is in the mailboxes, and comes again; now start the daemon')
  return EXIT.done
}

const UNSEALED = {
  broken:
    'this backup was damaged: it is not what was written, as its seal says; what changed outside of messages and audit is not known',
  none: 'this backup had no seal: a byte that changed outside of messages and audit leaves no sign',
} as const
