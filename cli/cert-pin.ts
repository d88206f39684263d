import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { PinRequest } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import { printable } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { parseDayOrTime } from './time.ts'

interface Options {
  readonly address?: string
  readonly actor?: string
  readonly why?: string
  readonly until?: Date
  readonly sha256?: string
}

export function options(command: Command): void {
  command
    .addOption(single('--address <address>', "the partner's, which the certificate is bound to"))
    .addOption(single('--actor <id>', 'who answers for it'))
    .addOption(single('--why <text>', 'how it is known to be theirs'))
    .addOption(single('--until <time>', 'when it ends: a day, or a time (RFC 3339)', parseDayOrTime))
    .addOption(single('--sha256 <hex>', 'as the partner told it: another certificate is refused'))
    .addHelpText(
      'after',
      [
        '',
        'The file is a certificate, or a mail that the partner signed (sealed to us or not).',
        'For that address the certificate is then believed without any trust anchor, until then or "direct cert unpin";',
        'whether it is revoked is not asked, and every answer about it says so.',
        '"direct cert inspect FILE" shows its whole SHA-256: compare it with the partner, by another way.',
        '',
        'Example:',
        '  direct cert pin signed.eml --address lee@hisp.example --actor kim --why "read out by phone" --until 2027-06-01',
        '',
      ].join('\n'),
    )
}

export async function run(session: Session, command: Command): Promise<number> {
  const request = requestOf(command.args[0] as string, command.opts<Options>())
  await using agent = await openAgentForStore(session)
  const pin = await agent.pins.add(request)
  await answer(session, pin, () =>
    printable(`pinned ${pin.sha256} to ${pin.address} until ${pin.until.toISOString()}`),
  )
  for (const note of pin.notes) session.out.note(note)
  return EXIT.done
}

/** Every option but one is needed; what is missing is told at once. */
function requestOf(path: string, { address, actor, why, until, sha256 }: Options): PinRequest {
  if (address !== undefined && actor !== undefined && why !== undefined && until !== undefined)
    return { path, address, actor, why, until, sha256 }
  const missing = Object.entries({ address, actor, why, until }).flatMap(([name, value]) =>
    value === undefined ? [`--${name}`] : [],
  )
  throw new DirectError('USAGE', `a pin needs ${missing.join(', ')} as well`, {
    hint: 'As in: direct cert pin FILE --address lee@hisp.example --actor kim --why "read out by phone" --until 2027-06-01',
  })
}
