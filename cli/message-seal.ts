import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { SealResult } from '../agent/index.ts'
import { exitOfSealed } from './exit.ts'
import { fileOption, single } from './options.ts'
import { columns, printable } from './printable.ts'
import { answer, openAgent, type Session } from './session.ts'

interface Options {
  readonly from: string
  readonly to?: readonly string[]
  readonly bcc?: readonly string[]
  readonly in: string
  readonly out: string
}

export function options(command: Command): void {
  command
    .addOption(single('--from <address>', 'the sender: one of our identities').makeOptionMandatory())
    .option('--to <address...>', 'recipients; with --bcc the full list of them')
    .option('--bcc <address...>', 'recipients that get their own copy')
    .addOption(fileOption('--in <file>', 'an RFC 5322 message').makeOptionMandatory())
    .addOption(
      fileOption(
        '--out <file>',
        'the first copy; further ones are FILE.2, FILE.3 …; what stands there is replaced, each by a whole file',
      ).makeOptionMandatory(),
    )
    .addHelpText(
      'after',
      '\nExample:\n  direct message seal --from dr.kim@clinic-a.example --to dr.lee@clinic-b.example \\\n    --in message.eml --out sealed.eml\n',
    )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { from, to = [], bcc = [], in: path, out } = command.opts<Options>()
  if (to.length + bcc.length === 0)
    throw new DirectError('USAGE', 'nobody to seal for', { hint: 'Add --to ADDRESS (or --bcc).' })
  await using agent = await openAgent(session, { own: false })
  session.out.progress('sealing …')
  const sealed = await agent.seal({ from, to, bcc, message: { path }, out })
  await answer(session, sealed, () => sealedText(sealed))
  return exitOfSealed(sealed)
}

function sealedText({ messageId, copies, refused }: SealResult): string {
  return [
    printable(messageId),
    columns([
      ...copies.map(({ file, recipients }) => ['sealed', file, recipients.join(', ')]),
      ...refused.map(({ address, route, why }) => [
        route === 'undetermined' ? 'undetermined' : 'refused',
        address,
        why.map(({ text }) => text).join('; '),
      ]),
    ]),
  ].join('\n')
}
