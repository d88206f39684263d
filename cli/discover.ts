import type { Command } from 'commander'
import { parseAddress } from '../agent/address.ts'
import { EXIT, exitOfDiscovery } from './exit.ts'
import { single } from './options.ts'
import { explainedText } from './places-text.ts'
import { printable } from './printable.ts'
import { answer, openAgent, type Session } from './session.ts'

interface Options {
  readonly from?: string
}

export function options(command: Command): void {
  command
    .addOption(single('--from <address>', 'the sender, whose anchors judge'))
    .addHelpText('after', '\nExample:\n  direct discover dr.lee@hisp.example\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  const address = command.args[0] as string
  const parsed = parseAddress(address)
  if ('code' in parsed) {
    const none = { address, places: [], chosen: null, outcome: 'none', why: [parsed] }
    await answer(session, none, () => printable(`none  ${parsed.text}`))
    return EXIT.no
  }
  const { from } = command.opts<Options>()
  await using agent = await openAgent(session)
  session.out.progress(`looking up ${address} …`)
  const found = await agent.discover(address, { ...(from !== undefined && { from }), signal: session.signal })
  await answer(session, found, () =>
    [`${found.outcome}  ${printable(found.address)}`, ...explainedText(found)].join('\n'),
  )
  return exitOfDiscovery(found)
}
