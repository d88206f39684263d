import type { Command } from 'commander'
import type { TrustBundle } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { columns } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { counted } from './trust-options.ts'

export function options(command: Command): void {
  command.addHelpText('after', '\nExample:\n  direct trust bundle list\n')
}

export async function run(session: Session): Promise<number> {
  await using agent = await openAgentForStore(session)
  const bundles = await agent.trust.bundles.list()
  const table = columns(
    bundles.map((bundle) => [bundle.url, bundle.for, bundle.direction, bundle.origin, standing(bundle)]),
  ).split('\n')
  for (const [i, bundle] of bundles.entries()) await answer(session, bundle, () => table[i] as string)
  if (bundles.length === 0) session.out.note('no trust bundle is asked for')
  return EXIT.done
}

function standing({ anchors, fetchedAt, failure }: TrustBundle): string {
  const has = fetchedAt === null ? 'never fetched' : `${counted(anchors)} since ${fetchedAt.toISOString()}`
  return failure === null
    ? has
    : `${has}; failing since ${failure.since.toISOString()}: ${failure.code}: ${failure.text}`
}
