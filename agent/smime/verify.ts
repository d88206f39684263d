import type { Certificate } from '../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../errors.ts'
import type { Decrypted, Plaintext } from './decrypt.ts'
import type { Identity } from './identity.ts'
import type { RevocationInfo } from './signed/revocation-info.ts'
import { readSignature, type SignatureForm, takeApart } from './signed/signature-form.ts'
import { type JudgedSigners, judgeSigners, readCertificates, type VerifyTools } from './signed/signatures.ts'
import type { ValidSigner } from './signed/signer.ts'
import { standInFor } from './signed/stand-in.ts'
import type { Source } from './source.ts'
import { reasonOf, UNDECRYPTABLE } from './undecryptable.ts'

export type { VerifyTools } from './signed/signatures.ts'
export type { ValidSigner } from './signed/signer.ts'

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

  private constructor({ judged, certificates, form }: Checked) {
    this.#entity = judged.covered
    this.#kept = form.kept
    this.signers = judged.signers
    this.rejected = judged.rejected
    this.certificates = certificates
    this.revocation = form.revocation
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
    const checked = await check(decrypted, decrypted.opened, tools)
    return 'code' in checked ? checked : new Verified(checked)
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

/** The steps of `verify` over what was decrypted to no plaintext; what they find is not told (ALG-2). */
export async function verifyInVain(plaintext: Plaintext, key: Identity, tools: VerifyTools): Promise<void> {
  const checked = await check(plaintext, key, tools)
  if ('form' in checked) await checked.form.kept?.[Symbol.asyncDispose]()
}

interface Checked {
  readonly form: SignatureForm
  readonly certificates: readonly Certificate[]
  readonly judged: JudgedSigners
}

/**
 * Where a step has nothing to go on with, a stand-in takes its place and the next one is taken all the same: how long it
 * takes does not show where content stopped making sense, nor that it did (ALG-2).
 */
async function check(
  { content, outline: { signed } }: Plaintext,
  key: Identity,
  tools: VerifyTools,
): Promise<Checked | Reason<MessageCode>> {
  const isHashed = 'code' in signed || signed.form === 'multipart'
  const standIn = await standInFor(content, isHashed, key)
  // The first failure is the answer: what comes behind it is judged of a stand-in.
  let failure: Reason<MessageCode> | null = null
  const failed = (reason: Reason<MessageCode>) => {
    failure ??= reason
    return null
  }
  /** What a step gives; null where it fails, and why is kept. */
  const attempt = async <T extends object>(step: () => Promise<T | Reason<MessageCode>>) => {
    try {
      const result = await step()
      return 'code' in result ? failed(result) : result
    } catch (error) {
      return failed(reasonOf(error))
    }
  }
  const apart =
    (await attempt(async () => ('code' in signed ? signed : takeApart(content, signed)))) ??
    (await standIn.apart())
  const form = (await attempt(() => readSignature(apart, tools.spool))) ?? standIn.form
  let checked: Checked | null = null
  try {
    if (!form.isAll) failed(UNDECRYPTABLE)
    const certificates = readCertificates(form.certificates, tools)
    const judged = await attempt(() => judgeSigners(form.content, form.signerInfos, certificates))
    if (failure === null && judged !== null) checked = { form, certificates, judged }
  } finally {
    if (checked === null) await form.kept?.[Symbol.asyncDispose]()
  }
  return checked ?? failure ?? UNDECRYPTABLE
}
