import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import { columns } from './printable.ts'
import { say } from './say.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { actorOf, addActor, originText } from './trust-options.ts'

export function options(command: Command): void {
  addActor(
    command.addOption(single('--for <name>', 'for this domain, address or * alone (default: for everyone)')),
  ).addHelpText(
    'after',
    '\nIt counts at once in every process, and stays out until it is added again.\n\nExample:\n  direct trust remove compromised-root.pem --actor kim\n',
  )
}

/** An anchor that is nowhere, or does not count for that name, is a no. */
export async function run(session: Session, command: Command): Promise<number> {
  const { for: name } = command.opts<{ readonly for?: string }>()
  await using agent = await openAgentForStore(session)
  const anchor = command.args[0] as string
  const { anchors, notes } = await agent.trust.remove(anchor, { for: name, actor: actorOf(command) })
  for (const one of anchors)
    await answer(session, one, () =>
      columns([[one.change === 'removed' ? 'removed' : one.state, one.for, one.sha256, originText(one)]]),
    )
  for (const note of notes) session.out.note(note)
  if (anchors.length > 0) return EXIT.done
  const scope = name === undefined ? '' : ` for ${name}`
  say(session.out, `no trust anchor${scope} is ${anchor}`, '"direct trust list" shows those that there are.')
  return EXIT.no
}
