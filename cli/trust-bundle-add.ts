import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { numberOption, single } from './options.ts'
import { openAgentForStore, type Session } from './session.ts'
import { actorOf, addActor, addScope, answerReports, scopeOf } from './trust-options.ts'

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
    '\nExample:\n  direct trust bundle add https://bundles.example/anchors.p7m --for "*" --signed-by signer.pem\n',
  )
}

/** It is asked for from now on, whatever the first try came to. */
export async function run(session: Session, command: Command): Promise<number> {
  const { signedBy, refreshHours } = command.opts<Options>()
  await using agent = await openAgentForStore(session)
  const url = command.args[0] as string
  session.out.progress(`fetching ${url} …`)
  const report = await agent.trust.bundles.add(url, {
    ...scopeOf(command),
    actor: actorOf(command),
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
    session.out.note(`${url} is asked for all the same; "direct trust bundle remove ${url}" ends that`)
  return code
}
