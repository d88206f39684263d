import { type ServeOptions, type Serving, serveZone, zoneOf } from '../dns/index.ts'
import { DirectError } from './errors.ts'
import { Identities } from './identities.ts'
import type { AgentOptions } from './options.ts'
import { loadPolicies } from './policies.ts'
import type { Settings } from './settings.ts'

/** Serves the certificates that others may encrypt to now, each under its identity's name. */
export async function publish(
  settings: Settings,
  { listen, signal, at = new Date() }: AgentOptions & Pick<ServeOptions, 'listen' | 'signal'>,
): Promise<Serving> {
  const { own } = await loadPolicies(settings.certificatePolicy)
  const published = (await Identities.load(settings.identities, own)).published(at)
  if (published.length === 0)
    throw new DirectError(
      'IDENTITY_MISSING',
      'no identity has a certificate that others could encrypt to now',
      {
        hint: 'Add an identity with a valid certificate; "direct init" makes one.',
      },
    )
  const zone = zoneOf(published.map(({ name, certificate }) => ({ name, der: certificate.der })))
  return serveZone({ listen, zone, signal })
}
