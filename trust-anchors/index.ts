/** Whom we believe: certificates, paths to anchors, and the exact reason where there is none. No I/O. */
export {
  type AnchorSet,
  AnchorSets,
  type DecidingEntries,
  type Direction,
  namesFor,
} from './anchors.ts'
export { BoundedMap } from './bounded-map.ts'
export { BUNDLE_LIMIT, type Bundle, bundleCms, readBundle } from './bundle.ts'
export { type CertificatePolicies, type CertificatePolicy, ownPolicyFailures } from './certificate-policy.ts'
export { byPreference, chooseCertificate } from './choose.ts'
export type { CertificateCode, Failure } from './failures.ts'
export { readIssuers } from './issuers.ts'
export { validatePath } from './path/path.ts'
export type {
  Attempt,
  ExpectedName,
  PathRequest,
  PathResult,
  PathSettings,
  Work,
} from './path/types.ts'
export { type Crl, parseCrl } from './revocation/crl.ts'
export { type OcspResponse, parseOcspResponse } from './revocation/ocsp.ts'
export { encodeOcspRequest } from './revocation/ocsp-request.ts'
export {
  NO_MATERIAL,
  type RevocationMaterial,
  type RevocationMode,
  type RevocationRequest,
  type RevocationStatus,
} from './revocation/types.ts'
export { isTestCa } from './test-ca-name.ts'
export { bindingOf, leafFailures, type Purpose } from './usable.ts'
export {
  type Verification,
  type VerificationContext,
  VerifiedPath,
  verifyCertificate,
} from './verified-path.ts'
export { type Wanted, wantedKey } from './wanted.ts'
export { Certificate, parseCertificate } from './x509/certificate.ts'
export { KEY_USAGES, type KeyUsage } from './x509/extensions.ts'
export { readCertificates, toPem } from './x509/read.ts'
