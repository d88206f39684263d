import type { Failure } from '../failures.ts'
import type { Certificate } from '../x509/certificate.ts'
import { EXTENSION } from '../x509/extensions.ts'

/** What is processed here or by `revocation/`, and may be critical (RFC 5280 4.2). */
const PROCESSED: ReadonlySet<string> = new Set([
  EXTENSION.keyUsage,
  EXTENSION.subjectAltName,
  EXTENSION.issuerAltName,
  EXTENSION.basicConstraints,
  EXTENSION.nameConstraints,
  EXTENSION.crlDistributionPoints,
  EXTENSION.certificatePolicies,
  EXTENSION.policyMappings,
  EXTENSION.policyConstraints,
  EXTENSION.extendedKeyUsage,
  EXTENSION.inhibitAnyPolicy,
])

const SPOKEN: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(EXTENSION).map(([name, oid]) => [oid, name]),
)

/** Extensions that must not be passed over: unknown critical ones (CERT-5), and some that contradict the rest. */
export function extensionFailure(certificate: Certificate, role: string): Failure | null {
  const unknown = certificate.extensions.find(({ oid, critical }) => critical && !PROCESSED.has(oid))
  if (unknown !== undefined) {
    const name = SPOKEN[unknown.oid]
    return {
      code: 'UNKNOWN_CRITICAL_EXTENSION',
      text:
        name === undefined
          ? `${role} has a critical extension that is not known here (${unknown.oid})`
          : `${role} has the extension ${name} (${unknown.oid}) as a critical one, which RFC 5280 forbids`,
    }
  }
  if (certificate.nameConstraints !== null && !certificate.isCa) {
    return {
      code: 'CERT_MALFORMED',
      text: `${role} has name constraints, but is no CA (RFC 5280 4.2.1.10)`,
    }
  }
  return null
}
