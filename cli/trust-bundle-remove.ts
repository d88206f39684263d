import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import { printable } from './printable.ts'
import { say } from './say.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { actorOf, addActor } from './trust-options.ts'

export function options(command: Command): void {
  addActor(
    command.addOption(single('--for <name>', 'for this domain, address or * alone (default: for all)')),
  ).addHelpText('after', '\nExample:\n  direct trust bundle remove https://bundles.example/anchors.p7m\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  const { for: name } = command.opts<{ readonly for?: string }>()
  await using agent = await openAgentForStore(session)
  const url = command.args[0] as string
  const { removed, notes } = await agent.trust.bundles.remove(url, { for: name, actor: actorOf(command) })
  await answer(session, { url, removed }, () => printable(`removed ${removed}  ${url}`))
  for (const note of notes) session.out.note(note)
  if (removed > 0) return EXIT.done
  say(
    session.out,
    `no bundle ${url} was added here`,
    '"direct trust bundle list" shows those that are asked for.',
  )
  return EXIT.no
}
