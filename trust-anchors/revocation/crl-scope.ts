import type { Certificate } from '../x509/certificate.ts'
import { ALL_REASONS, type DistributionPoint, directoryKey, pointNames } from '../x509/pointers.ts'
import type { Crl } from './crl.ts'

/**
 * For which reasons a complete CRL speaks of a certificate at one of its distribution points (RFC 5280 6.3.3 b, d),
 * as a mask; 0: it does not speak of it there. `point` null: a CRL that no point of the certificate names.
 */
export function reasonsCovered(crl: Crl, certificate: Certificate, point: DistributionPoint | null): number {
  const { scope } = crl
  const isIndirectPoint = point !== null && point.crlIssuers.length > 0
  if (isIndirectPoint) {
    const isNamed = point.crlIssuers.some(({ canonical }) => canonical === crl.issuerCanonical)
    if (!isNamed || scope?.indirect !== true) return 0
  } else if (crl.issuerCanonical !== certificate.issuerCanonical) return 0
  const reasons = point?.reasons ?? ALL_REASONS
  if (scope === null) return reasons
  if (scope.onlyAttributeCertificates) return 0
  if (certificate.isCa ? scope.onlyUserCertificates : scope.onlyCaCertificates) return 0
  if (scope.name !== null) {
    const names = pointNames(scope.name, crl.issuer.der)
    if (!namesOf(point, certificate).some((name) => names.includes(name))) return 0
  }
  return reasons & scope.reasons
}

/** By what names the point is known; without a name of its own by its cRLIssuer's (6.3.3 b 2 i), at last by the issuer's. */
function namesOf(point: DistributionPoint | null, certificate: Certificate): readonly string[] {
  const issuers = point?.crlIssuers ?? []
  if (point === null || (point.name === null && issuers.length === 0)) {
    return [directoryKey(certificate.issuerCanonical)]
  }
  // A relative name stands below the cRLIssuer's where there is one (4.2.1.13).
  if (point.name !== null) return pointNames(point.name, issuers[0]?.der ?? certificate.issuer)
  return issuers.map(({ canonical }) => directoryKey(canonical))
}
