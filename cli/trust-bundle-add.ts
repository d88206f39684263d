import type { Command } from 'commander'
import type { BundleReport } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { numberOption, single } from './options.ts'
import { say } from './say.ts'
import { openAgentForStore, type Session } from './session.ts'
import { addActor, addScope, answerReports, newTrustOf } from './trust-options.ts'

/** What to do where a bundle was not taken. */
const NEXT: Partial<Record<BundleReport['outcome'], string>> = {
  refused:
    'Ask whoever publishes it for its URL, and for the certificate that signs it (--signed-by), if these are not right.',
  failed: 'Try again when its host answers.',
}

interface Options {
  readonly signedBy?: string
  readonly refreshHours?: number
}

export function options(command: Command): void {
  addActor(
    addScope(command)
      .addOption(single('--signed-by <file>', 'the only certificate whose signature on it is accepted'))
      .addOption(
        numberOption('--refresh-hours <hours>', 'how often it is fetched (default: 24)', 744, 'hours'),
      ),
  ).addHelpText(
    'after',
    `
It is fetched at once; refused (1) or not to be had (75), nothing is changed. --for and --narrow: see "direct help
trust add".

Example:
  direct trust bundle add https://bundles.example/anchors.p7m --for '*' --signed-by signer.pem
`,
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { signedBy, refreshHours } = command.opts<Options>()
  await using agent = await openAgentForStore(session)
  const url = command.args[0] as string
  session.out.progress(`fetching ${url} …`)
  const report = await agent.trust.bundles.add(url, {
    ...newTrustOf(command),
    signedBy,
    refreshHours,
    signal: session.signal,
  })
  const code = await answerReports(session, [report], {
    refreshed: 'added',
    unchanged: 'added',
    refused: 'refused',
    failed: 'failed',
  })
  if (code !== EXIT.done)
    say(session.out, `the bundle ${url} was not added`, `Nothing was changed. ${NEXT[report.outcome] ?? ''}`)
  return code
}
