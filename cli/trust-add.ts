import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { columns } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { addActor, addScope, anchorText, newTrustOf } from './trust-options.ts'

export function options(command: Command): void {
  addActor(addScope(command)).addHelpText(
    'after',
    `
The most specific name decides alone: its address, else its domain, else *. A name that has none of its own
yet gets them with --narrow; without, add to what is in force for it.

A certificate that is no CA's is believed for itself alone, and whether it is revoked is not asked; "direct cert pin"
believes one for one partner, and says who, why and until when.

Examples:
  direct trust add partner-root.pem --for '*'
  direct trust add partner-root.pem --for clinic-a.example --direction outgoing --narrow --actor kim
`,
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  await using agent = await openAgentForStore(session)
  const file = command.args[0] as string
  const { anchors, notes } = await agent.trust.add(file, newTrustOf(command))
  for (const anchor of anchors)
    await answer(session, anchor, () =>
      columns([[anchor.change === 'added' ? 'added' : 'there already', anchor.sha256, anchorText(anchor)]]),
    )
  for (const note of notes) session.out.note(note)
  return EXIT.done
}
