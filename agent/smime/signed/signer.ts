import { verify } from 'node:crypto'
import type { Certificate } from '../../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../../errors.ts'
import {
  hashName,
  type ReceivedDigest,
  readDigest,
  readSignature,
  type SignatureForm,
  type SignatureScheme,
  signatureOptions,
} from '../algorithms.ts'
import { identifies } from '../ber/element.ts'
import { CmsError } from '../ber/reader.ts'
import { isSignatureOver, readsAsAttributes, type Variant } from './signed-content.ts'
import type { SignerInfo } from './signer-info.ts'

/** Somebody whose signature over the content is mathematically right. Whether to trust it is another question. */
export interface ValidSigner {
  readonly certificate: Certificate
  readonly digest: ReceivedDigest
  readonly signature: SignatureScheme
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
  const form = readForm(info, digest)
  if ('code' in form) return form
  const signature = form.scheme
  const candidates = certificates
    .filter((certificate) => identifies(info.id, certificate))
    .slice(0, MAX_CANDIDATES)
  if (candidates.length === 0)
    return invalid("the signer's certificate is not in the message, or cannot be read")
  const strong = candidates.filter(({ key }) => isStrong(key, signature))
  if (strong.length === 0) return refuseKey(candidates[0] as Certificate, signature)
  for (const certificate of strong) {
    const variant = await signedVariant(info, form, digest, certificate, variants)
    if (variant === null) continue
    const signingTime = info.attributes?.signingTime ?? null
    return { signer: { certificate, digest, signature, weak: digest === 'sha-1', signingTime }, variant }
  }
  return invalid('the signature does not match the signed content')
}

async function signedVariant(
  info: SignerInfo,
  form: SignatureForm,
  digest: ReceivedDigest,
  { publicKey }: Certificate,
  variants: readonly Variant[],
): Promise<Variant | null> {
  const { attributes, signature } = info
  if (attributes !== null) {
    const key = { key: publicKey, ...signatureOptions(form, digest) }
    if (!verify(hashName(digest), attributes.signedBytes, key, signature)) return null
    const matches = ({ digests }: Variant) => {
      const own = digests.get(digest)
      return own !== undefined && Buffer.compare(own, attributes.messageDigest) === 0
    }
    return variants.find(matches) ?? null
  }
  for (const variant of variants) {
    if (!(await isSignatureOver(variant, publicKey, form, digest, signature))) continue
    return (await readsAsAttributes(variant)) ? null : variant
  }
  return null
}

/** PSS parameters that make no sense are no algorithm that is accepted. */
function readForm(info: SignerInfo, digest: ReceivedDigest): SignatureForm | Reason<MessageCode> {
  try {
    return readSignature(info.signatureAlgorithm, digest)
  } catch (error) {
    if (error instanceof CmsError) return invalid(error.message)
    throw error
  }
}

function isStrong(key: Certificate['key'], scheme: SignatureScheme): boolean {
  // Of a curve that is not accepted the size is not known.
  if (scheme === 'ecdsa') return key.type === 'ec' && key.bits > 0
  const isRsa = key.type === 'rsa' || (key.type === 'rsa-pss' && scheme === 'rsa-pss')
  return isRsa && key.bits >= MIN_RSA_BITS
}

function refuseKey({ sha256, key }: Certificate, scheme: SignatureScheme): Reason<MessageCode> {
  const rsa = `RSA ${key.bits}`
  const what =
    key.type === 'ec'
      ? `EC ${key.curve ?? 'without a named curve'}, for ${scheme}`
      : key.type !== 'rsa' && key.type !== 'rsa-pss'
        ? key.type
        : key.bits < MIN_RSA_BITS
          ? `${rsa}, less than ${MIN_RSA_BITS} bits`
          : `${rsa}, for ${scheme}`
  return { code: 'ALGORITHM_REFUSED', text: `the key of signer ${sha256} is not accepted: ${what}` }
}

function invalid(text: string): Reason<MessageCode> {
  return { code: 'SIGNATURE_INVALID', text }
}
