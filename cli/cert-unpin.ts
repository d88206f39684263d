import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import { printable } from './printable.ts'
import { say } from './say.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { actorOf, addActor } from './trust-options.ts'

export function options(command: Command): void {
  addActor(
    command.addOption(single('--sha256 <hex>', 'this certificate alone (default: all of the address)')),
  ).addHelpText('after', '\nExample:\n  direct cert unpin lee@hisp.example --actor kim\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  const { sha256 } = command.opts<{ readonly sha256?: string }>()
  await using agent = await openAgentForStore(session)
  const address = command.args[0] as string
  const unpinned = await agent.pins.remove(address, { sha256, actor: actorOf(command) })
  await answer(session, { address, unpinned }, () => printable(`unpinned ${unpinned}  ${address}`))
  if (unpinned > 0) return EXIT.done
  say(session.out, `nothing is pinned to ${address}`, '"direct cert pins" shows what is.')
  return EXIT.no
}
