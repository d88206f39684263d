import type { Certificate } from '../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../errors.ts'
import { MimeError } from '../mime/error.ts'
import { CmsError } from './ber/reader.ts'
import { type Decrypted, UNDECRYPTABLE } from './decrypt.ts'
import type { RevocationInfo } from './signed/revocation-info.ts'
import { findSignature } from './signed/signature-form.ts'
import { judgeSigners, readCertificates, type VerifyTools } from './signed/signatures.ts'
import type { ValidSigner } from './signed/signer.ts'
import type { Source } from './source.ts'

export type { VerifyTools } from './signed/signatures.ts'
export type { ValidSigner } from './signed/signer.ts'
export { type Unwrapped, unwrap } from './unwrap.ts'

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
    judged: Pick<Verified, 'signers' | 'rejected'>,
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
      if ('code' in judged) return judged
      scope.move()
      return new Verified(judged.covered, judged, certificates, form.revocation, kept)
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
