import { bindingOf, type Certificate } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { Settings } from '../settings.ts'

/** The configured certificates that name `address` or its domain: the first place of DISC-1. Judged like any other. */
export function configuredFor(
  address: Address,
  configured: readonly { readonly origin: string; readonly certificate: Certificate }[],
  { subjectEmail }: Settings['legacy'],
): readonly { readonly origin: string; readonly der: Uint8Array }[] {
  return configured
    .filter(({ certificate }) => bindingOf(certificate, address, { subjectEmail }) !== null)
    .map(({ origin, certificate }) => ({ origin, der: certificate.der }))
}
