import type { Certificate } from '../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../errors.ts'
import { context, TAG } from './ber/der.ts'
import { CmsError } from './ber/error.ts'
import { BerReader, type Reading } from './ber/reader.ts'
import { enterContentInfo } from './content-info.ts'
import { type JudgedSigners, judgeSigners, readCertificates, type VerifyTools } from './signed/signatures.ts'
import { readSignedData } from './signed/signed-data.ts'
import { orUnreadable } from './signed/unreadable.ts'
import type { Source } from './source.ts'

/** Files that are CMS themselves, such as trust bundles. Nothing here leads to a delivery. */

/** Whether CMS bytes are a SignedData with a signer; false for certs-only ones, and for what is no CMS at all. */
export async function hasSigner(cms: Pick<Source, 'read'>): Promise<boolean> {
  const reader = new BerReader(cms.read())
  try {
    return await reader.read(findSigner(reader))
  } catch (error) {
    if (error instanceof CmsError) return false
    throw error
  } finally {
    await reader.close()
  }
}

function* findSigner(reader: BerReader): Reading<boolean> {
  if ((yield* enterContentInfo(reader)) !== 'signed-data') return false
  yield* reader.enter(TAG.SEQUENCE)
  // Version, digest algorithms, content; then certificates and CRLs, where there are any.
  for (let fields = 0; fields < 3; fields++) yield* reader.skip()
  for (const tag of [context(0), context(1)])
    if (!(yield* reader.atEnd()) && (yield* reader.peek()) === tag) yield* reader.skip()
  if (yield* reader.atEnd()) return false
  yield* reader.enter(TAG.SET)
  return !(yield* reader.atEnd())
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
  return await orUnreadable('the signed file', async () => {
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

async function gather(source: Source): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
