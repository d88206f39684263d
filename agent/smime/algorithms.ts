/**
 * The table of protocol.md ALG: how each algorithm is written into CMS, and what is accepted of what others write. All
 * else is refused by its name.
 */
export {
  CAPABILITIES,
  CAPABILITIES_WITH_EC_KEY,
  type Capabilities,
  CONTENT_PREFERENCE,
  readCapabilities,
  TRANSPORT_PREFERENCE,
} from './algorithms/capabilities.ts'
export {
  BLOCK_BYTES,
  blockBytes,
  type ContentCipher,
  type ContentEncryption,
  contentAlgorithm,
  contentCapability,
  isAuthenticated,
  keyBytes,
  NONCE_BYTES,
  type ReceivedCipher,
  readContentEncryption,
  TAG_BYTES,
  type WrittenEncryption,
} from './algorithms/content.ts'
export {
  DIGEST_OID,
  type Digest,
  digestAlgorithm,
  hashName,
  type ReceivedDigest,
  readDigest,
} from './algorithms/digest.ts'
export {
  type AgreementForm,
  type KeyAgreement,
  keyAgreementAlgorithm,
  keyEncryptionKey,
  OUR_AGREEMENT,
  readKeyAgreement,
} from './algorithms/key-agreement.ts'
export {
  type KeyTransport,
  keyTransportAlgorithm,
  readKeyTransport,
  rsaPadding,
} from './algorithms/key-transport.ts'
export { unwrapKey, wrapKey } from './algorithms/key-wrap.ts'
export { OID } from './algorithms/object-identifiers.ts'
export { orNull } from './algorithms/or-null.ts'
export type { Refused } from './algorithms/refused.ts'
export {
  readSignatureAlgorithm,
  type SignatureAlgorithm,
  type SignatureScheme,
  signatureAlgorithm,
  signatureOptions,
} from './algorithms/signature.ts'
