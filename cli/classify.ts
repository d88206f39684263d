import type { Command } from 'commander'
import type { Evidence, Recipient, Route } from '../agent/index.ts'
import { exitOfRoutes } from './exit.ts'
import { single } from './options.ts'
import { columns, printable } from './printable.ts'
import { revocationText } from './revocation-text.ts'
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
    await answer(session, explain ? recipient : brief, () =>
      [table[i], ...(explain ? explanation(recipient) : reasons(recipient))].join('\n'),
    )
  }
  return exitOfRoutes(recipients)
}

/** What stands in the way: the date, the name, the host that does not answer. */
function reasons({ why }: Recipient): readonly string[] {
  return why.map(({ code, text }) => printable(`    ${code}: ${text}`))
}

function explanation({ forAdministrator, evidence }: Recipient): readonly string[] {
  return [`    ${printable(forAdministrator)}`, ...evidence.map(placeText)]
}

/** One place, each question asked there, and the verdict on each certificate that it published. */
export function placeText({ place, owner, status, questions, certificates, notes }: Evidence): string {
  return [
    printable(`    ${place}  ${owner}  ${status}`),
    ...questions.map(({ name, type, answer }) => printable(`        ${name} ${type}?  ${answer}`)),
    ...certificates.flatMap(({ sha256, usable, why, revocation }) => {
      const verdict = usable ? 'usable' : why.map(({ code, text }) => `${code}: ${text}`).join('; ')
      return [
        printable(`        ${sha256}  ${verdict}`),
        ...revocation.map((one) => printable(`            ${revocationText(one)}`)),
      ]
    }),
    ...notes.map((note) => printable(`        ${note}`)),
  ].join('\n')
}
