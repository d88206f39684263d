import { verify } from 'node:crypto'
import type { Certificate } from '../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../errors.ts'
import { readDigest, readSignature } from './algorithm-reader.ts'
import { hashName, type ReceivedDigest } from './algorithms.ts'
import { identifies } from './cms-element.ts'
import { isSignatureOver, readsAsAttributes, type Variant } from './signed-content.ts'
import type { SignerInfo } from './signer-info.ts'

/** Somebody whose signature over the content is mathematically right. Whether to trust it is another question. */
export interface ValidSigner {
  readonly certificate: Certificate
  readonly digest: ReceivedDigest
  readonly signature: 'rsa-pkcs1'
  /** True for SHA-1: it may count only for a partner of `legacy.sha1From` (ALG-4). */
  readonly weak: boolean
  /** As claimed; null where it is not. */
  readonly signingTime: Date | null
}

const MIN_RSA_BITS = 2048
/** Embedded certificates that one SignerInfo may mean; more than one is odd already. */
const MAX_CANDIDATES = 8

/** One SignerInfo against the content: valid over which variant of it, or why not. */
export async function verifySigner(
  info: SignerInfo,
  variants: readonly Variant[],
  certificates: readonly Certificate[],
): Promise<{ readonly signer: ValidSigner; readonly variant: Variant } | Reason<MessageCode>> {
  const digest = readDigest(info.digestAlgorithm)
  if (typeof digest !== 'string') return digest
  const signature = readSignature(info.signatureAlgorithm, digest)
  if (typeof signature !== 'string') return signature
  const candidates = certificates
    .filter((certificate) => identifies(info.id, certificate))
    .slice(0, MAX_CANDIDATES)
  if (candidates.length === 0)
    return invalid("the signer's certificate is not in the message, or cannot be read")
  const strong = candidates.filter(({ key }) => key.type === 'rsa' && key.bits >= MIN_RSA_BITS)
  if (strong.length === 0) return refuseKey(candidates[0] as Certificate)
  for (const certificate of strong) {
    const variant = await signedVariant(info, digest, certificate, variants)
    if (variant === null) continue
    const signingTime = info.attributes?.signingTime ?? null
    return { signer: { certificate, digest, signature, weak: digest === 'sha-1', signingTime }, variant }
  }
  return invalid('the signature does not match the signed content')
}

async function signedVariant(
  info: SignerInfo,
  digest: ReceivedDigest,
  { publicKey }: Certificate,
  variants: readonly Variant[],
): Promise<Variant | null> {
  const { attributes, signature } = info
  if (attributes !== null) {
    if (!verify(hashName(digest), attributes.signedBytes, publicKey, signature)) return null
    const matches = ({ digests }: Variant) => {
      const own = digests.get(digest)
      return own !== undefined && Buffer.compare(own, attributes.messageDigest) === 0
    }
    return variants.find(matches) ?? null
  }
  for (const variant of variants) {
    if (!isSignatureOver(variant, publicKey, digest, signature)) continue
    return (await readsAsAttributes(variant)) ? null : variant
  }
  return null
}

function refuseKey({ sha256, key }: Certificate): Reason<MessageCode> {
  const what =
    key.type === 'rsa' ? `RSA ${key.bits}, less than ${MIN_RSA_BITS} bits` : `${key.type}, not built yet`
  return { code: 'ALGORITHM_REFUSED', text: `the key of signer ${sha256} is not accepted: ${what}` }
}

function invalid(text: string): Reason<MessageCode> {
  return { code: 'SIGNATURE_INVALID', text }
}
