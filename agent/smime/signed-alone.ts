import type { Certificate } from '../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../errors.ts'
import { MimeError } from '../mime/error.ts'
import { enterContentInfo } from './ber/content-info.ts'
import { context, TAG } from './ber/der.ts'
import { CmsError, CmsReader } from './ber/reader.ts'
import { OutlineReader } from './signed/outline.ts'
import { readSignature, type SignatureForm, takeApart } from './signed/signature-form.ts'
import { type JudgedSigners, judgeSigners, readCertificates, type VerifyTools } from './signed/signatures.ts'
import { readSignedData } from './signed/signed-data.ts'
import type { ValidSigner } from './signed/signer.ts'
import type { Source } from './source.ts'

/**
 * Signatures outside a message's way to its recipient: a trust bundle's, and that of a mail whose certificate somebody
 * pins. Nothing here leads to a delivery; for that, `verify` takes what `decrypt` made.
 */

/** Whether CMS bytes are a SignedData with a signer; false for certs-only ones, and for what is no CMS at all. */
export async function hasSigner(cms: Pick<Source, 'read'>): Promise<boolean> {
  const reader = new CmsReader(cms.read())
  try {
    if ((await enterContentInfo(reader)) !== 'signed-data') return false
    await reader.enter(TAG.SEQUENCE)
    // Version, digest algorithms, content; then certificates and CRLs, where there are any.
    for (let fields = 0; fields < 3; fields++) await reader.skip()
    for (const tag of [context(0), context(1)])
      if (!(await reader.atEnd()) && (await reader.peek()) === tag) await reader.skip()
    if (await reader.atEnd()) return false
    await reader.enter(TAG.SET)
    return !(await reader.atEnd())
  } catch (error) {
    if (error instanceof CmsError) return false
    throw error
  } finally {
    await reader.close()
  }
}

/** A signed file's content and who signed it. */
export interface SignedFile extends Pick<JudgedSigners, 'signers' | 'rejected'> {
  readonly content: Uint8Array
}

/**
 * Opens a signed-data file (RFC 5652 5) and checks its signatures. `known` are certificates that may have signed it
 * without being in it. Whom the signers are is not judged here.
 */
export async function openSignedFile(
  cms: Pick<Source, 'read'>,
  known: readonly Certificate[],
  tools: VerifyTools,
): Promise<SignedFile | Reason<MessageCode>> {
  return await reading('the signed file', async () => {
    const signedData = await readSignedData(cms.read(), tools.spool)
    if (typeof signedData === 'string') return { code: 'NOT_SIGNED', text: 'it is CMS, but not signed' }
    if (signedData.content === null) return { code: 'MALFORMED', text: 'the signed file holds no content' }
    await using content = signedData.content
    const certificates = [...readCertificates(signedData.certificates, tools), ...known]
    const judged = await judgeSigners(content, signedData.signerInfos, certificates)
    if ('code' in judged) return judged
    const { signers, rejected, covered } = judged
    return { signers, rejected, content: await gather(covered) }
  })
}

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
  return await reading('the signed message', async () => {
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

async function reading<T>(
  what: string,
  read: () => Promise<T | Reason<MessageCode>>,
): Promise<T | Reason<MessageCode>> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof MimeError || error instanceof CmsError)
      return { code: error.code, text: `${what} makes no sense: ${error.message}` }
    throw error
  }
}

async function gather(source: Source): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
