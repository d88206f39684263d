import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { printable } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { text as findingText } from './store-check.ts'
import { showing } from './store-progress.ts'

export function options(command: Command): void {
  command.addHelpText(
    'after',
    '\nA daemon may go on. Private keys are not in it: keep copies of those elsewhere.\n\nExample:\n  direct store backup "/backup/direct-$(date +%F).db"\n',
  )
}

/** 1 if anything in the store is damaged: the backup is made all the same. */
export async function run(session: Session, command: Command): Promise<number> {
  await using agent = await openAgentForStore(session)
  session.out.progress('copying the store …')
  const made = await agent.store.backup(command.args[0] as string, {
    tell: showing(session, 'reading the copy'),
  })
  const { file, bytes, sha256, damage, version, auditRows, newest } = made
  await answer(session, made, () =>
    [
      `${printable(file)}: ${bytes} bytes, schema version ${version}, ${auditRows} rows of audit${newest === null ? '' : ` until ${newest.toISOString()}`}`,
      `SHA-256 ${sha256}`,
      ...damage.map(findingText),
    ].join('\n'),
  )
  if (damage.length === 0) return EXIT.done
  session.out.note(
    'the backup holds what the store holds, damaged as it is; "direct store restore" asks for --even-damaged',
  )
  return EXIT.no
}
