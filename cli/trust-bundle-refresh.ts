import type { Command } from 'commander'
import { openAgentForStore, type Session } from './session.ts'
import { actorOf, addActor, answerReports } from './trust-options.ts'

export function options(command: Command): void {
  addActor(command).addHelpText('after', '\nExample:\n  direct trust bundle refresh\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  await using agent = await openAgentForStore(session)
  const [url] = command.args
  session.out.progress('fetching trust bundles …')
  const reports = await agent.trust.bundles.refresh({ url, actor: actorOf(command), signal: session.signal })
  return await answerReports(session, reports, {
    refreshed: 'refreshed',
    unchanged: 'unchanged',
    refused: 'refused',
    failed: 'failed',
  })
}
