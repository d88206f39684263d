import type { Command } from 'commander'
import type { Recipient, Route } from '../agent/index.ts'
import { exitOfRoutes } from './exit.ts'
import { single } from './options.ts'
import { explainedText } from './places-text.ts'
import { columns, printable } from './printable.ts'
import { answer, openAgent, type Session } from './session.ts'

interface Options {
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
  command
    .addOption(single('--from <address>', 'the sender, whose anchors judge'))
    .option('--explain', 'every question asked, and every certificate seen')
    .addHelpText('after', '\nExample:\n  direct classify dr.lee@hisp.example --explain\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  const { from, explain } = command.opts<Options>()
  await using agent = await openAgent(session)
  session.out.progress(`looking up ${command.args.length} address(es) …`)
  const recipients = await agent.classify(command.args, {
    ...(from !== undefined && { from }),
    signal: session.signal,
  })
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
