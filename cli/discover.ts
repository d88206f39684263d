import type { Command } from 'commander'
import { exitOfDiscovery } from './exit.ts'
import { single } from './options.ts'
import { printable } from './printable.ts'
import { answer, type Session } from './session.ts'
import { explainedText } from './text/places.ts'
import { addTraceOptions, openAnswerer, type TraceOptions } from './trace-options.ts'

interface Options extends TraceOptions {
  readonly from?: string
}

export function options(command: Command): void {
  addTraceOptions(
    command.addOption(single('--from <address>', 'the sender, whose anchors judge')),
  ).addHelpText(
    'after',
    `
Examples:
  direct discover dr.lee@hisp.example
  direct discover dr.lee@hisp.example --record trace.json
  direct discover --replay trace.json
`,
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  const [address] = command.args
  const { from, ...trace } = command.opts<Options>()
  await using answerer = await openAnswerer(session, trace, command.args)
  session.out.progress(`looking up ${address ?? trace.replay} …`)
  const found = await answerer.discover(address, from)
  await answer(session, found, () =>
    [`${found.outcome}  ${printable(found.address)}`, ...explainedText(found)].join('\n'),
  )
  return exitOfDiscovery(found)
}
