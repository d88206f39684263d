import type { CapabilityRecords } from '../store/index.ts'
import type { TrustedMessage } from './open/trusted-message.ts'
import type { CapabilitiesOf } from './seal/agreed.ts'
import { CONTENT_PREFERENCE, TRANSPORT_PREFERENCE } from './smime/algorithms.ts'

/** What is signed further ahead of our clock than any clock goes wrong is not believed (RFC 8551 2.7.1). */
const MOST_AHEAD_MS = 60 * 60_000

/**
 * Keeps what the signer of a trusted message says that its software can read. Nothing is kept of who does not say when:
 * such a message could be played again for ever. `at`: the clock that signatures are judged by; `now`: the one on the wall.
 */
export async function rememberCapabilities(
  { author, signer }: TrustedMessage,
  records: CapabilityRecords,
  { at, now }: { readonly at: Date; readonly now: Date },
): Promise<void> {
  const { certificate, signingTime, capabilities, weak } = signer
  if (capabilities === null || signingTime === null || weak) return
  if (signingTime.getTime() > at.getTime() + MOST_AHEAD_MS) return
  await records.put({
    address: author.key,
    certificate: certificate.sha256,
    ...capabilities,
    signedAt: signingTime,
    takenAt: now,
  })
}

/** What was kept, for sealing: of the certificate that is encrypted to, if it has signed anything, else of the address. */
export function rememberedCapabilities(records: CapabilityRecords): CapabilitiesOf {
  return async ({ address, leaf }) => {
    const known = await records.of(address.key, leaf.sha256)
    if (known === null) return null
    return {
      content: CONTENT_PREFERENCE.filter((name) => known.content.includes(name)),
      keyTransport: TRANSPORT_PREFERENCE.filter((name) => known.keyTransport.includes(name)),
    }
  }
}
