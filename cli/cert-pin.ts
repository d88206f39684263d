import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { single, timeOption } from './options.ts'
import { printable } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'

interface Options {
  readonly address: string
  readonly actor: string
  readonly why: string
  readonly until: Date
}

export function options(command: Command): void {
  command
    .addOption(
      single('--address <address>', "the partner's, which the certificate is bound to").makeOptionMandatory(),
    )
    .addOption(single('--actor <id>', 'who answers for it').makeOptionMandatory())
    .addOption(single('--why <text>', 'how it is known to be theirs').makeOptionMandatory())
    .addOption(timeOption('--until <time>', 'when it ends (RFC 3339)').makeOptionMandatory())
    .addHelpText(
      'after',
      [
        '',
        'The file is a certificate, or a mail that the partner signed (sealed to us or not).',
        'For that address the certificate is then believed without any trust anchor, until then or "direct cert unpin";',
        'whether it is revoked is not asked, and every answer about it says so.',
        '',
        'Example:',
        '  direct cert pin signed.eml --address lee@hisp.example --actor kim --why "read out by phone" --until 2027-06-01T00:00:00Z',
        '',
      ].join('\n'),
    )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { address, actor, why, until } = command.opts<Options>()
  await using agent = await openAgentForStore(session)
  const path = command.args[0] as string
  const pin = await agent.pins.add({ path, address, actor, why, until })
  await answer(session, pin, () =>
    printable(`pinned ${pin.sha256} to ${pin.address} until ${pin.until.toISOString()}`),
  )
  for (const note of pin.notes) session.out.note(note)
  return EXIT.done
}
