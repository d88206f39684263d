import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { parseDomain } from '../agent/address.ts'
import { DirectError } from '../agent/errors.ts'
import type { Explanation } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import { answer, openAgent, type Session } from './session.ts'
import { explanationText } from './text/explain.ts'

interface Options {
  readonly from?: string
  readonly for?: string
}

const EXIT_OF: Readonly<Record<Explanation['outcome'], number>> = {
  trusted: EXIT.done,
  refused: EXIT.no,
  undetermined: EXIT.notKnown,
}

export function options(command: Command): void {
  command
    .addOption(single('--from <address>', 'the sender, whose outgoing anchors judge'))
    .addOption(single('--for <address>', 'our recipient, whose incoming anchors judge'))
    .addHelpText(
      'after',
      `
An address is looked up and judged as for sending. A file of certificates (PEM, DER, p7b) is judged
for both directions, or for the one that --from or --for names; the signers of a message (.eml) by
the incoming anchors of its recipients.

Examples:
  direct trust explain dr.lee@hisp.example
  direct trust explain refused.eml --for dr.kim@clinic.example
`,
    )
}

/** A file that was looked for in the wrong folder, rather than a domain. */
const FILE_NAME = /\.(eml|pem|cer|crt|der|p7[a-z]|crl|csr|key|txt|yaml|json)$/i

export async function run(session: Session, command: Command): Promise<number> {
  const target = command.args[0] as string
  const { from, for: recipient } = command.opts<Options>()
  const isFile = existsSync(target)
  if (!isFile && !target.includes('@'))
    throw new DirectError('USAGE', `${target} is neither a file nor an address`, {
      hint:
        parseDomain(target) === null || FILE_NAME.test(target)
          ? 'As in: direct trust explain dr.lee@hisp.example, or with the path of a certificate or message that is there.'
          : `Certificates are judged for an address; for anybody of a domain: direct trust explain postmaster@${target}`,
    })
  await using agent = await openAgent(session)
  session.out.progress(`judging ${target} …`)
  const explanation = await agent.explain(isFile ? { path: target } : { address: target }, {
    ...(from !== undefined && { from }),
    ...(recipient !== undefined && { for: recipient }),
    signal: session.signal,
  })
  await answer(session, explanation, () => explanationText(explanation))
  return EXIT_OF[explanation.outcome]
}
