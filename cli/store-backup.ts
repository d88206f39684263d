import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { printable } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'

export function options(command: Command): void {
  command.addHelpText(
    'after',
    '\nA daemon may go on. Private keys are not in it: keep copies of those elsewhere.\n\nExample:\n  direct store backup "/backup/direct-$(date +%F).db"\n',
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  await using agent = await openAgentForStore(session)
  session.out.progress('copying the store …')
  const made = await agent.store.backup(command.args[0] as string)
  const { file, bytes, version, auditRows, newest } = made
  await answer(
    session,
    made,
    () =>
      `${printable(file)}: ${bytes} bytes, schema version ${version}, ${auditRows} rows of audit${newest === null ? '' : ` until ${newest.toISOString()}`}`,
  )
  return EXIT.done
}
