import { verify } from 'node:crypto'
import { promisify } from 'node:util'
import type { Certificate } from '../../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../../errors.ts'
import {
  type Capabilities,
  hashName,
  type ReceivedDigest,
  readDigest,
  readSignatureAlgorithm,
  type SignatureAlgorithm,
  type SignatureScheme,
  signatureOptions,
} from '../algorithms.ts'
import { CmsError } from '../ber/error.ts'
import { identifies } from '../certificate-id.ts'
import { type ContentSignature, coveredVariant, type Readings } from './content-signature.ts'
import type { Variant } from './signed-content.ts'
import type { SignedAttributes, SignerInfo } from './signer-info.ts'
import { keyRefusal } from './signer-key.ts'

/** Somebody whose signature over the content is mathematically right. Whether to trust it is another question. */
export interface ValidSigner {
  readonly certificate: Certificate
  readonly digest: ReceivedDigest
  readonly signature: SignatureScheme
  /** True for SHA-1: it may count only for a partner of `legacy.sha1From` (ALG-4). */
  readonly weak: boolean
  /** As claimed; null where it is not. */
  readonly signingTime: Date | null
  /** What its software can read, by its own word; null where it says nothing. */
  readonly capabilities: Capabilities | null
}

/** Embedded certificates that one SignerInfo may mean; more than one is odd already. */
const MAX_CANDIDATES = 8

/** One SignerInfo against the content: valid over which variant of it, or why not. */
export async function verifySigner(
  info: SignerInfo,
  variants: readonly Variant[],
  certificates: readonly Certificate[],
  readings: Readings,
): Promise<{ readonly signer: ValidSigner; readonly variant: Variant } | Reason<MessageCode>> {
  const digest = readDigest(info.digestAlgorithm)
  if (typeof digest !== 'string') return digest
  const algorithm = readAlgorithm(info, digest)
  if ('code' in algorithm) return algorithm
  const candidates = certificates
    .filter((certificate) => identifies(info.id, certificate))
    .slice(0, MAX_CANDIDATES)
  if (candidates.length === 0)
    return invalid("the signer's certificate is not in the message, or cannot be read")
  let refusal: Reason<MessageCode> | null = null
  let tried = 0
  for (const certificate of candidates) {
    const refused = keyRefusal(certificate, algorithm, digest)
    refusal ??= refused
    if (refused !== null) continue
    tried++
    const signature = { key: certificate.publicKey, algorithm, digest, signature: info.signature }
    const variant =
      info.attributes === null
        ? await coveredVariant(signature, variants, readings)
        : await variantOf(info.attributes, signature, variants)
    if (variant === null) continue
    if ('code' in variant) return variant
    const { signingTime = null, capabilities = null } = info.attributes ?? {}
    const weak = digest === 'sha-1'
    const signer = { certificate, digest, signature: algorithm.scheme, weak, signingTime, capabilities }
    return { signer, variant }
  }
  return tried === 0 && refusal !== null
    ? refusal
    : invalid('the signature does not match the signed content')
}

/** By signed attributes: the signature is over them, and they name the content by its digest (RFC 5652 5.4). */
async function variantOf(
  { signedBytes, messageDigest }: SignedAttributes,
  { key, algorithm, digest, signature }: ContentSignature,
  variants: readonly Variant[],
): Promise<Variant | null> {
  // The other schemes are node:crypto's defaults, and options take it longer than half of such a verification.
  const how = algorithm.scheme === 'rsa-pss' ? { key, ...signatureOptions(algorithm, digest) } : key
  if (!(await verifies(hashName(digest), signedBytes, how, signature))) return null
  const matches = ({ digests }: Variant) => {
    const own = digests.get(digest)
    return own !== undefined && Buffer.compare(own, messageDigest) === 0
  }
  return variants.find(matches) ?? null
}

/** Off the event loop. */
const verifies = promisify(verify)

/** PSS parameters that make no sense are no algorithm that is accepted. */
function readAlgorithm(info: SignerInfo, digest: ReceivedDigest): SignatureAlgorithm | Reason<MessageCode> {
  try {
    return readSignatureAlgorithm(info.signatureAlgorithm, digest)
  } catch (error) {
    if (error instanceof CmsError) return invalid(error.message)
    throw error
  }
}

function invalid(text: string): Reason<MessageCode> {
  return { code: 'SIGNATURE_INVALID', text }
}
