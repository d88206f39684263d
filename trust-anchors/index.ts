/** Whom we believe: certificates, paths to anchors, and the exact reason where there is none. No I/O. */
export { type AnchorSet, AnchorSets, type Direction } from './anchors.ts'
export { Certificate, type PublicKeyFacts, parseCertificate } from './certificate.ts'
export { chooseCertificate } from './choose.ts'
export type { KeyUsage } from './extensions.ts'
export type { CertificateCode, Failure } from './failures.ts'
export { type PathRequest, type PathResult, validatePath } from './path.ts'
export { readCertificates, toPem } from './read.ts'
export { createCertificateRequest, generateRsaKey, type KeyPair, type RequestFields } from './request.ts'
export type { SignatureAlgorithm, SignatureDigest } from './signature.ts'
export { createTestCa, issueFromTestCa, isTestCa, type LeafFields, type TestCa } from './test-ca.ts'
export { type Binding, bindingOf, leafFailures, type Purpose } from './usable.ts'
export {
  type Verification,
  type VerificationContext,
  VerifiedPath,
  verifyCertificate,
} from './verified-path.ts'
