import type { Certificate } from '../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../errors.ts'
import { OutlineReader } from './signed/outline.ts'
import { readSignature, type SignatureForm, takeApart } from './signed/signature-form.ts'
import { type JudgedSigners, judgeSigners, readCertificates, type VerifyTools } from './signed/signatures.ts'
import type { ValidSigner } from './signed/signer.ts'
import { orUnreadable } from './signed/unreadable.ts'
import type { Source } from './source.ts'

/**
 * Mail whose signer is of interest, and not what it says, such as one whose certificate somebody pins. Nothing here leads
 * to a delivery; for that, `verify` takes what `decrypt` made.
 */

/** Who signed a MIME entity, and what came with the signatures. */
export interface SignedEntity extends Pick<JudgedSigners, 'signers'>, Pick<SignatureForm, 'revocation'> {
  /** Those that can be read, once each. */
  readonly certificates: readonly Certificate[]
}

/** Checks the signatures of a MIME entity: multipart/signed, or opaque. What it says is not read. */
export async function readSigned(
  entity: Source,
  tools: VerifyTools,
): Promise<SignedEntity | Reason<MessageCode>> {
  return await orUnreadable('the signed message', async () => {
    const outline = new OutlineReader()
    for await (const chunk of entity.read()) outline.update(chunk)
    const { signed } = outline.end()
    if ('code' in signed) return signed
    const form = await readSignature(await takeApart(entity, signed), tools.spool)
    if ('code' in form) return form
    await using _kept = form.kept
    const certificates = readCertificates(form.certificates, tools)
    const judged = await judgeSigners(form.content, form.signerInfos, certificates)
    return 'code' in judged ? judged : { signers: judged.signers, certificates, revocation: form.revocation }
  })
}

/** `readSigned`, of whom the signers alone are of interest. */
export async function signersOf(
  entity: Source,
  tools: VerifyTools,
): Promise<readonly [ValidSigner, ...ValidSigner[]] | Reason<MessageCode>> {
  const signed = await readSigned(entity, tools)
  return 'code' in signed ? signed : signed.signers
}
