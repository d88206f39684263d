import { resolve } from 'node:path'
import type { Command } from 'commander'
import { daemonLog } from './daemon-log.ts'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import { rerun } from './rerun.ts'
import { openAgent, type Session } from './session.ts'

interface Options {
  readonly deliver?: string
}

export function options(command: Command): void {
  command
    .addOption(
      single(
        '--deliver <dir>',
        'deliver into folders there, as receive --once --out does, and not as the configuration says',
      ),
    )
    .addHelpText('after', '\nExample:\n  direct run --deliver inbox\n')
}

/** Until SIGTERM: exit code 0. */
export async function run(session: Session, command: Command): Promise<number> {
  const { deliver } = command.opts<Options>()
  await using log = await daemonLog(session.out)
  await rerun({
    open: () => openAgent(session, { log }),
    deliverTo: deliver === undefined ? undefined : resolve(deliver),
    log,
    signal: session.signal,
  })
  log.info({}, 'stopped')
  return EXIT.done
}
