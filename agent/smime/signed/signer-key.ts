import type { Certificate } from '../../../trust-anchors/index.ts'
import type { Reason } from '../../errors.ts'
import { hashName, type ReceivedDigest, type SignatureAlgorithm } from '../algorithms.ts'

const MIN_RSA_BITS = 2048

/** Why a certificate's key cannot have made a signature by this algorithm that counts (ALG, keys); null: it can. */
export function keyRefusal(
  { sha256, key, publicKey }: Certificate,
  algorithm: SignatureAlgorithm,
  digest: ReceivedDigest,
): Reason<'ALGORITHM_REFUSED'> | null {
  const what =
    key.type === 'ec'
      ? ecRefusal(key, algorithm)
      : key.type === 'other'
        ? 'neither RSA nor EC'
        : (rsaRefusal(key, algorithm) ?? restriction({ key, publicKey }, algorithm, digest))
  if (what === null) return null
  return { code: 'ALGORITHM_REFUSED', text: `the key of signer ${sha256} is not accepted: ${what}` }
}

/** Of a curve that is not accepted the size is not known. */
function ecRefusal({ bits, curve }: Certificate['key'], { scheme }: SignatureAlgorithm): string | null {
  return bits > 0 && scheme === 'ecdsa' ? null : `EC ${curve ?? 'without a named curve'}, for ${scheme}`
}

function rsaRefusal({ type, bits }: Certificate['key'], { scheme }: SignatureAlgorithm): string | null {
  if (bits < MIN_RSA_BITS) return `RSA ${bits}, less than ${MIN_RSA_BITS} bits`
  // An RSA-PSS key is for that alone (RFC 4055 1.2).
  const isForScheme = scheme === 'rsa-pss' || (scheme === 'rsa-pkcs1' && type === 'rsa')
  return isForScheme ? null : `${type === 'rsa' ? `RSA ${bits}` : 'an RSA-PSS key'}, for ${scheme}`
}

/** What the parameters of an RSA-PSS key allow: these digests, and a salt of so many bytes or more (RFC 4055 3.3). */
function restriction(
  { key, publicKey }: Pick<Certificate, 'key' | 'publicKey'>,
  { saltBytes = 0 }: SignatureAlgorithm,
  digest: ReceivedDigest,
): string | null {
  // Node puts the details together anew each time that they are asked for.
  if (key.type !== 'rsa-pss') return null
  const { hashAlgorithm, mgf1HashAlgorithm, saltLength = 0 } = publicKey.asymmetricKeyDetails ?? {}
  if (hashAlgorithm === undefined) return null
  const name = hashName(digest)
  if (hashAlgorithm === name && mgf1HashAlgorithm === name && saltBytes >= saltLength) return null
  return `it is for RSA-PSS by ${hashAlgorithm}, MGF1 by ${mgf1HashAlgorithm} and a salt of ${saltLength} bytes or more, not by ${digest} and ${saltBytes}`
}
