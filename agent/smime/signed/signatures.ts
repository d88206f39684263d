import type { Certificate } from '../../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../../errors.ts'
import { type ReceivedDigest, readDigest } from '../algorithms.ts'
import { CmsError } from '../ber/error.ts'
import type { Source, Spool } from '../source.ts'
import { Readings } from './content-signature.ts'
import { readVariants, type SignedContent, type Variant } from './signed-content.ts'
import { type ValidSigner, verifySigner } from './signer.ts'
import { readSignerInfo, type SignerInfo } from './signer-info.ts'

export interface VerifyTools {
  readonly spool: Spool
  readonly parseCertificate: (der: Uint8Array) => Certificate | Reason
}

/** Those that can be read, once each. */
export function readCertificates(
  ders: readonly Uint8Array[],
  { parseCertificate }: Pick<VerifyTools, 'parseCertificate'>,
): readonly Certificate[] {
  const read = ders.map(parseCertificate).filter((one): one is Certificate => !('code' in one))
  return [...new Map(read.map((certificate) => [certificate.sha256, certificate])).values()]
}

/** At least one signature that is mathematically right. */
export interface JudgedSigners {
  readonly signers: readonly [ValidSigner, ...ValidSigner[]]
  /** Why others beside them do not count. */
  readonly rejected: readonly Reason<MessageCode>[]
  /** Exactly what the valid ones cover. */
  readonly covered: Source
}

/** Each SignerInfo over the content, by the certificates at hand; when none is valid, the worst reason. */
export async function judgeSigners(
  content: SignedContent,
  signerInfos: readonly Uint8Array[],
  certificates: readonly Certificate[],
): Promise<JudgedSigners | Reason<MessageCode>> {
  const read = signerInfos.map(readOrRefuse)
  const rejected = read.filter((info) => 'code' in info)
  const infos = read.filter((info): info is SignerInfo => !('code' in info))
  const variants = await readVariants(content, digestsOf(infos))
  const readings = new Readings()
  const signers: ValidSigner[] = []
  let covered: Variant | null = null
  for (const info of infos) {
    const result = await verifySigner(info, variants, certificates, readings)
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
  if (!isNotEmpty(signers) || covered === null) return worst(rejected)
  return { signers, rejected, covered }
}

/** A SignerInfo that breaks the rules harms nobody but its signer (IN-6). */
function readOrRefuse(bytes: Uint8Array): SignerInfo | Reason<MessageCode> {
  try {
    return readSignerInfo(bytes)
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
