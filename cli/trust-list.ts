import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import { columns } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { anchorText } from './trust-options.ts'

export function options(command: Command): void {
  command
    .addOption(single('--for <name>', 'only anchors for this domain, address or *'))
    .addHelpText('after', '\nExample:\n  direct trust list --for clinic-a.example\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  const { for: name } = command.opts<{ readonly for?: string }>()
  await using agent = await openAgentForStore(session)
  const anchors = await agent.trust.list(name === undefined ? {} : { for: name })
  const table = columns(
    anchors.map((anchor) => [
      anchor.state,
      anchor.for,
      anchor.direction,
      anchor.sha256,
      `${anchor.origin} ${anchor.from}`,
      anchorText(anchor),
    ]),
  ).split('\n')
  for (const [i, anchor] of anchors.entries()) await answer(session, anchor, () => table[i] as string)
  if (anchors.length === 0) session.out.note('there is no trust anchor: nobody is believed')
  return EXIT.done
}
