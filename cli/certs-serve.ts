import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import { daemonLog } from './daemon-log.ts'
import { EXIT } from './exit.ts'
import { listenOption } from './options.ts'
import { answer, clockAndNetwork, openAgent, type Session } from './session.ts'

interface Options {
  readonly listen: { readonly host: string; readonly port: number }
}

export function options(command: Command): void {
  command
    .addOption(
      listenOption(
        '--listen <host:port>',
        'where to answer, by UDP and TCP; port 0 takes a free one',
      ).makeOptionMandatory(),
    )
    .addHelpText('after', '\nExample:\n  direct certs serve --listen 127.0.0.1:10053\n')
}

/** Until SIGTERM: exit code 0. */
export async function run(session: Session, command: Command): Promise<number> {
  const { listen } = command.opts<Options>()
  if (!session.network)
    throw new DirectError('NETWORK_FORBIDDEN', 'certs serve opens sockets, and --no-network forbids them', {
      hint: 'Leave --no-network out.',
    })
  await using log = await daemonLog(session.out)
  // Only for what its administrator should be told.
  await using _agent = await openAgent(session, { log })
  const { serveCertificates } = await import('../agent/index.ts')
  const { address, zones, serial, closed } = await serveCertificates(session.config, {
    ...clockAndNetwork(session),
    listen,
    signal: session.signal,
    log,
  })
  const { showServer } = await import('../dns/resolver/index.ts')
  const shown = showServer(address)
  await answer(
    session,
    { listen: shown, zones, serial },
    () => `serving certificates of ${zones.join(', ')} on ${shown}`,
  )
  await closed
  return EXIT.done
}
