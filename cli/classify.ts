import type { Command } from 'commander'
import type { Recipient, Route } from '../agent/index.ts'
import { exitOfRoutes } from './exit.ts'
import { single } from './options.ts'
import { explainedText } from './places-text.ts'
import { columns, printable } from './printable.ts'
import { answer, type Session } from './session.ts'
import { addTraceOptions, openAnswerer, type TraceOptions } from './trace-options.ts'

interface Options extends TraceOptions {
  readonly from?: string
  readonly explain?: true
}

/** What the EHR shows for a route (design.md). */
export const SIGN: Readonly<Record<Route, string>> = {
  direct: 'lock',
  tls: 'envelope',
  insecure: 'blocked',
  undetermined: 'retry',
}

export function options(command: Command): void {
  addTraceOptions(
    command
      .addOption(single('--from <address>', 'the sender, whose anchors judge'))
      .option('--explain', 'every question asked, and every certificate seen'),
  ).addHelpText('after', '\nExample:\n  direct classify dr.lee@hisp.example --explain\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  const { from, explain, ...trace } = command.opts<Options>()
  await using answerer = await openAnswerer(session, trace, command.args)
  session.out.progress(`looking up ${trace.replay ?? `${command.args.length} address(es)`} …`)
  const recipients = await answerer.classify(command.args, from)
  const table = columns(recipients.map((each) => [SIGN[each.route], each.address, each.forUser])).split('\n')
  for (const [i, recipient] of recipients.entries()) {
    const { evidence, ...brief } = recipient
    await answer(session, explain ? recipient : brief, () => {
      const below = explain ? explainedText({ places: evidence, ...brief }) : reasons(brief)
      return [table[i], ...below.map((line) => `    ${line}`)].join('\n')
    })
  }
  return exitOfRoutes(recipients)
}

/** What stands in the way: the date, the name, the host that does not answer; and when to ask again. */
function reasons({ route, why, validUntil }: Omit<Recipient, 'evidence'>): readonly string[] {
  return [
    ...why.map(({ code, text }) => printable(`${code}: ${text}`)),
    ...(route === 'undetermined' ? [`ask again after ${validUntil.toISOString()}`] : []),
  ]
}
