import type { Certificate } from '../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../errors.ts'
import { MimeError } from '../mime/error.ts'
import { readDigest } from './algorithm-reader.ts'
import type { ReceivedDigest } from './algorithms.ts'
import { CmsError } from './cms-reader.ts'
import { type Decrypted, UNDECRYPTABLE } from './decrypt.ts'
import type { RevocationInfo } from './revocation-info.ts'
import { findSignature } from './signature-form.ts'
import { readVariants, type Variant } from './signed-content.ts'
import { type ValidSigner, verifySigner } from './signer.ts'
import { readSignerInfo, type SignerInfo } from './signer-info.ts'
import type { Source, Spool } from './source.ts'

export type { ValidSigner } from './signer.ts'
export { type Unwrapped, unwrap } from './unwrap.ts'

export interface VerifyTools {
  readonly spool: Spool
  readonly parseCertificate: (der: Uint8Array) => Certificate | Reason
}

/** Signed content with at least one valid signature. Only `verify` makes one. Readable while what it came from is. */
export class Verified implements AsyncDisposable {
  readonly #entity: Source
  readonly #kept: AsyncDisposable | null
  readonly signers: readonly [ValidSigner, ...ValidSigner[]]
  /** Why other signatures beside them do not count. */
  readonly rejected: readonly Reason<MessageCode>[]
  /** All certificates of the signature that can be read, once each: where paths may be built from. */
  readonly certificates: readonly Certificate[]
  /** What came with the signature about the revocation of certificates. */
  readonly revocation: RevocationInfo

  private constructor(
    entity: Source,
    judged: Judged & { readonly signers: Verified['signers'] },
    certificates: readonly Certificate[],
    revocation: RevocationInfo,
    kept: AsyncDisposable | null,
  ) {
    this.#entity = entity
    this.#kept = kept
    this.signers = judged.signers
    this.rejected = judged.rejected
    this.certificates = certificates
    this.revocation = revocation
  }

  /** Exactly the bytes that the valid signatures cover. */
  get entity(): Source {
    return this.#entity
  }

  /** Lets go of what was kept for opaque content; the Decrypted stays its owner's. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept?.[Symbol.asyncDispose]()
  }

  /** @internal Use `verify`. */
  static async verify(decrypted: Decrypted, tools: VerifyTools): Promise<Verified | Reason<MessageCode>> {
    try {
      await using scope = new AsyncDisposableStack()
      const form = await findSignature(decrypted.content, tools.spool)
      if ('code' in form) return form
      const kept = form.kept === null ? null : scope.use(form.kept)
      if (form.signerInfos.length === 0) return { code: 'NOT_SIGNED', text: 'the signature has no signer' }
      const certificates = readCertificates(form.certificates, tools)
      const judged = await judgeSigners(form.content, form.signerInfos, certificates)
      const { signers, variant } = judged
      if (!isNotEmpty(signers) || variant === null) return worst(judged.rejected)
      scope.move()
      return new Verified(variant, { ...judged, signers }, certificates, form.revocation, kept)
    } catch (error) {
      if (error instanceof MimeError || error instanceof CmsError) {
        // Nothing has been authenticated yet: what cannot be read may have been garbled before it was decrypted (ALG-2).
        if (error.code === 'MALFORMED') return UNDECRYPTABLE
        return { code: error.code, text: `the signed message makes no sense: ${error.message}` }
      }
      throw error
    }
  }
}

/**
 * Finds and checks the signatures of decrypted content (RFC 5652 5.6, RFC 8551 3.5; protocol.md IN-4). Reasons:
 * `UNDECRYPTABLE`, `NOT_SIGNED`, `MALFORMED`, `LIMIT_EXCEEDED`, `SIGNATURE_INVALID`, `ALGORITHM_REFUSED`. Whom the
 * signers are, and whether they are to be trusted, is not judged here.
 */
export function verify(decrypted: Decrypted, tools: VerifyTools): Promise<Verified | Reason<MessageCode>> {
  return Verified.verify(decrypted, tools)
}

function readCertificates(ders: readonly Uint8Array[], { parseCertificate }: VerifyTools): Certificate[] {
  const read = ders.map(parseCertificate).filter((one): one is Certificate => !('code' in one))
  return [...new Map(read.map((certificate) => [certificate.sha256, certificate])).values()]
}

interface Judged {
  readonly signers: readonly ValidSigner[]
  readonly rejected: readonly Reason<MessageCode>[]
  /** What the valid signatures cover. */
  readonly variant: Variant | null
}

async function judgeSigners(
  content: Pick<Source, 'read'>,
  signerInfos: readonly Uint8Array[],
  certificates: readonly Certificate[],
): Promise<Judged> {
  const read = await Promise.all(signerInfos.map(readOrRefuse))
  const rejected = read.filter((info) => 'code' in info)
  const infos = read.filter((info): info is SignerInfo => !('code' in info))
  const variants = await readVariants(content, digestsOf(infos))
  const signers: ValidSigner[] = []
  let covered: Variant | null = null
  for (const info of infos) {
    const result = await verifySigner(info, variants, certificates)
    if ('code' in result) rejected.push(result)
    else if (covered !== null && covered !== result.variant) {
      rejected.push({
        code: 'SIGNATURE_INVALID',
        text: 'this signature covers other line ends than the first one',
      })
    } else {
      covered = result.variant
      signers.push(result.signer)
    }
  }
  return { signers, rejected, variant: covered }
}

/** A SignerInfo that breaks the rules harms nobody but its signer (IN-6). */
async function readOrRefuse(bytes: Uint8Array): Promise<SignerInfo | Reason<MessageCode>> {
  try {
    return await readSignerInfo(bytes)
  } catch (error) {
    if (error instanceof CmsError) return { code: 'SIGNATURE_INVALID', text: error.message }
    throw error
  }
}

function digestsOf(infos: readonly SignerInfo[]): ReadonlySet<ReceivedDigest> {
  return new Set(
    infos.map((info) => readDigest(info.digestAlgorithm)).filter((digest) => typeof digest === 'string'),
  )
}

function isNotEmpty(signers: readonly ValidSigner[]): signers is readonly [ValidSigner, ...ValidSigner[]] {
  return signers.length > 0
}

/** A wrong signature says more than a refused algorithm beside it. */
function worst(rejected: readonly Reason<MessageCode>[]): Reason<MessageCode> {
  const wrong = rejected.find(({ code }) => code !== 'ALGORITHM_REFUSED') ?? rejected[0]
  return wrong ?? { code: 'SIGNATURE_INVALID', text: 'no signature is valid' }
}
