import type { Command } from 'commander'
import { openAgentForStore, type Session } from './session.ts'
import { answerReports } from './trust-options.ts'

export function options(command: Command): void {
  command.addHelpText('after', '\nNothing is changed.\n\nExample:\n  direct trust bundle diff\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  await using agent = await openAgentForStore(session)
  const [url] = command.args
  session.out.progress('fetching trust bundles …')
  const reports = await agent.trust.bundles.diff({ url, signal: session.signal })
  return await answerReports(session, reports, {
    refreshed: 'would change',
    unchanged: 'unchanged',
    refused: 'would be refused',
    failed: 'failed',
  })
}
