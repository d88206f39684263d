import { checkZone, type ZoneCheck } from '../../dns/zone/index.ts'
import { leafFailures, parseCertificate } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { isBoundWithin } from '../identities/subjects.ts'
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
  const at = tools.at()
  const { records, notes } = await checkZone(
    { ...content, inDirectories: tools.settings.publish.directories.length > 0 },
    await checkNetwork(tools),
    (within, der) => isHarmless(within, der, at),
    { at, now: tools.now() },
    signal,
  )
  return {
    records,
    notes: [...content.notes, ...nameServerNotes(content.zone, tools.settings.publish), ...notes],
  }
}

/**
 * Nobody encrypts to it (DISC-10): expired, unfit by itself, or bound to nobody of the domain (CERT-1). Whether a partner
 * believes its CA is not known here, and what is not valid yet will be.
 */
function isHarmless(domain: string, der: Uint8Array, at: Date): boolean {
  const certificate = parseCertificate(der)
  if ('code' in certificate) return false
  const failures = leafFailures('encrypt', certificate, at)
  return failures.some(({ code }) => code !== 'CERT_NOT_YET_VALID') || !isBoundWithin(domain, certificate)
}
