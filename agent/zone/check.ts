import { checkZone, type ZoneCheck } from '../../dns/index.ts'
import { DirectError } from '../errors.ts'
import { nameServerNotes } from '../publish/notes.ts'
import { contentOf } from './content.ts'
import { checkNetwork } from './network.ts'
import type { ZoneTools } from './tools.ts'

/** See `ZoneAdministration.check`. */
export async function check(
  { domain, signal }: { readonly domain?: string; readonly signal?: AbortSignal },
  tools: ZoneTools,
): Promise<ZoneCheck> {
  if (tools.offline)
    throw new DirectError('NETWORK_FORBIDDEN', 'zone check asks name servers, and the network is forbidden', {
      hint: 'Leave out --no-network.',
    })
  const content = await contentOf(domain, tools)
  const { records, notes } = await checkZone(
    { ...content, inDirectories: tools.settings.publish.directories.length > 0 },
    await checkNetwork(tools),
    { at: tools.at(), now: tools.now() },
    signal,
  )
  return {
    records,
    notes: [...content.notes, ...nameServerNotes(content.zone, tools.settings.publish), ...notes],
  }
}
