import type { VerifiedPath } from '../../trust-anchors/index.ts'
import type { AlgorithmSettings, Settings } from '../settings.ts'
import {
  type Capabilities,
  CONTENT_PREFERENCE,
  type ContentCipher,
  type KeyTransport,
  TRANSPORT_PREFERENCE,
} from '../smime/algorithms.ts'

/** What a recipient said that its software can read; null where it never said. */
export type CapabilitiesOf = (recipient: VerifiedPath<'encrypt'>) => Promise<Capabilities | null>

/** Where nothing is remembered. */
export const neverSaid: CapabilitiesOf = async () => null

/** Every S/MIME agent has had it since RFC 5751, whatever else it says. */
const LEAST: ContentCipher = 'aes-128-cbc'

/** The configured algorithms for a partner's domain. */
export function algorithmsFor(domain: string, configured: Settings['algorithms']): AlgorithmSettings {
  return { ...configured, ...configured.byDomain.get(domain) }
}

/**
 * What one copy is sealed by, of recipients in one domain: what is configured for the domain by name, else the best that
 * all of them and we have (RFC 8551 2.7.1.1). Who never said counts as having what is configured, and no more.
 */
export async function agreedAlgorithms(
  domain: string,
  recipients: readonly VerifiedPath<'encrypt'>[],
  configured: Settings['algorithms'],
  capabilitiesOf: CapabilitiesOf,
): Promise<AlgorithmSettings> {
  const own = configured.byDomain.get(domain) ?? {}
  const settings = algorithmsFor(domain, configured)
  const said = await Promise.all(
    recipients.map(async (recipient) => ({
      isRsa: recipient.leaf.key.type === 'rsa',
      capabilities: await capabilitiesOf(recipient),
    })),
  )
  const all = said.map(({ capabilities }) => capabilities)
  // To an EC key the content key goes by agreement, whatever the transport.
  const rsa = said.filter(({ isRsa }) => isRsa).map(({ capabilities }) => capabilities)
  return {
    ...settings,
    content: own.content ?? bestContent(all, settings.content),
    keyTransport: own.keyTransport ?? bestTransport(rsa, settings.keyTransport),
  }
}

type Said = readonly (Capabilities | null)[]

function bestContent(said: Said, configured: ContentCipher): ContentCipher {
  const hasEveryone = (cipher: ContentCipher) =>
    said.every((one) => one?.content.includes(cipher) ?? cipher === configured)
  return CONTENT_PREFERENCE.find(hasEveryone) ?? LEAST
}

const STRENGTH: Readonly<Record<KeyTransport, number>> = {
  'rsa-pkcs1': 0,
  'rsa-oaep-sha1': 1,
  'rsa-oaep-sha256': 2,
  'rsa-oaep-sha384': 2,
  'rsa-oaep-sha512': 2,
}

/** Never a weaker one than is configured: that would let what a mail says lead to PKCS#1 v1.5. */
function bestTransport(said: Said, configured: KeyTransport): KeyTransport {
  const hasEveryone = (transport: KeyTransport) =>
    said.every((one) => one?.keyTransport.includes(transport) ?? transport === configured)
  // The configured one comes first among its equals.
  const strongestFirst = [configured, ...TRANSPORT_PREFERENCE]
    .filter((transport) => STRENGTH[transport] >= STRENGTH[configured])
    .toSorted((a, b) => STRENGTH[b] - STRENGTH[a])
  return strongestFirst.find(hasEveryone) ?? configured
}
