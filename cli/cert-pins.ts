import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { columns } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'

export function options(command: Command): void {
  command.addHelpText('after', '\nExample:\n  direct cert pins\n')
}

export async function run(session: Session): Promise<number> {
  await using agent = await openAgentForStore(session)
  const pins = await agent.pins.list()
  const table = columns(
    pins.map(({ state, address, sha256, until, actor, why }) => [
      state,
      address,
      sha256,
      `until ${until.toISOString()}`,
      `by ${actor}: ${why}`,
    ]),
  ).split('\n')
  for (const [i, pin] of pins.entries()) await answer(session, pin, () => table[i] as string)
  if (pins.length === 0) session.out.note('no certificate is pinned')
  return EXIT.done
}
