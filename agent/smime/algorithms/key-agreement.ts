import { context, oid, sequence, TAG, tlv } from '../ber/der.ts'
import { CmsError } from '../ber/error.ts'
import { type AlgorithmIdentifier, readAlgorithmIdentifier } from './algorithm-identifier.ts'
import type { ReceivedDigest } from './digest.ts'
import { deriveKey } from './key-derivation.ts'
import { type KeyWrap, WRAP_OID, wrapKeyBytes } from './key-wrap.ts'
import { nameOf } from './object-identifiers.ts'
import { type Refused, refuse } from './refused.ts'

/**
 * ECDH with an ephemeral key of the sender's and the recipient's own key (RFC 5753 3.1.1, dhSinglePass-stdDH), by the
 * digest of its key derivation function.
 */
export type KeyAgreement = 'ecdh-sha1' | 'ecdh-sha256' | 'ecdh-sha384' | 'ecdh-sha512'

export interface AgreementForm {
  readonly agreement: KeyAgreement
  readonly wrap: KeyWrap
  /** The wrap's AlgorithmIdentifier as it came: it goes into the key derivation byte for byte. */
  readonly wrapAlgorithm: Uint8Array
}

/** RFC 5753 7.1.4. */
const AGREEMENT: Readonly<Record<KeyAgreement, string>> = {
  'ecdh-sha1': '1.3.133.16.840.63.0.2',
  'ecdh-sha256': '1.3.132.1.11.1',
  'ecdh-sha384': '1.3.132.1.11.2',
  'ecdh-sha512': '1.3.132.1.11.3',
}
const KDF_DIGEST: Readonly<Record<KeyAgreement, ReceivedDigest>> = {
  'ecdh-sha1': 'sha-1',
  'ecdh-sha256': 'sha-256',
  'ecdh-sha384': 'sha-384',
  'ecdh-sha512': 'sha-512',
}

/** One with AES parameters absent (RFC 3565 2.3.2). */
export function agreementForm(agreement: KeyAgreement, wrap: KeyWrap): AgreementForm {
  return { agreement, wrap, wrapAlgorithm: sequence(oid(WRAP_OID[wrap])) }
}

/** What we write (protocol.md ALG). */
export const OUR_AGREEMENT: AgreementForm = agreementForm('ecdh-sha256', 'aes-256-wrap')

/** RFC 5753 7.1.4: the wrap's AlgorithmIdentifier is the agreement's parameter. */
export function keyAgreementAlgorithm({ agreement, wrapAlgorithm }: AgreementForm): Uint8Array {
  return sequence(oid(AGREEMENT[agreement]), wrapAlgorithm)
}

/** Throws CmsError for parameters that are none. */
export function readKeyAgreement({ algorithm, parameters }: AlgorithmIdentifier): AgreementForm | Refused {
  const agreement = nameOf(AGREEMENT, algorithm)
  if (agreement === undefined) return refuse('the key agreement', algorithm)
  if (parameters === null) throw new CmsError('MALFORMED', 'a key agreement without a key wrap')
  const inner = readAlgorithmIdentifier(parameters)
  const wrap = nameOf(WRAP_OID, inner.algorithm)
  if (wrap === undefined) return refuse('the key wrap', inner.algorithm)
  if (inner.parameters !== null && inner.parameters.tag !== TAG.NULL)
    return { code: 'ALGORITHM_REFUSED', text: 'an AES key wrap with parameters is not accepted' }
  return { agreement, wrap, wrapAlgorithm: new Uint8Array(parameters.bytes) }
}

/**
 * The key that wraps the content key, derived from the shared secret and ECC-CMS-SharedInfo (RFC 5753 7.2). `ukm` stands
 * in it only where the message has one.
 */
export function keyEncryptionKey(
  secret: Uint8Array,
  { agreement, wrap, wrapAlgorithm }: AgreementForm,
  ukm: Uint8Array | null,
): Uint8Array {
  const bytes = wrapKeyBytes(wrap)
  const bits = Buffer.alloc(4)
  bits.writeUInt32BE(8 * bytes)
  const sharedInfo = sequence(
    wrapAlgorithm,
    ...(ukm === null ? [] : [tlv(context(0), tlv(TAG.OCTET_STRING, ukm))]),
    tlv(context(2), tlv(TAG.OCTET_STRING, bits)),
  )
  return deriveKey(KDF_DIGEST[agreement], secret, sharedInfo, bytes)
}
