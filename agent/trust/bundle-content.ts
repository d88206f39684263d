import {
  type Bundle,
  bundleCms,
  type Certificate,
  parseCertificate,
  readBundle,
} from '../../trust-anchors/index.ts'
import type { Reason } from '../errors.ts'
import { hasSigner, openSignedFile } from '../smime/signed-file.ts'
import type { Source, Spool } from '../smime/source.ts'
import type { BundleCode } from './types.ts'

/** What opening a bundle asks of its neighbours. */
export interface BundleOpening {
  readonly spool: Spool
  /** The time to judge the signer's certificate by. */
  readonly at: () => Date
}

export interface SignedBundle extends Bundle {
  /** What the signer says (signingTime); null: unsigned, or it does not say. */
  readonly signedAt: Date | null
}

/**
 * A bundle's bytes as its anchors, if they may be believed (TR-4): with `signedBy`, only content signed by that very
 * certificate, which must be within its validity. Without, unsigned content will do; a signature that is there must be
 * right all the same. Never the certificates beside a signature: nobody signs those.
 */
export async function openBundle(
  bytes: Uint8Array,
  signedBy: Certificate | null,
  { spool, at }: BundleOpening,
): Promise<SignedBundle | Reason<BundleCode>> {
  const cms = sourceOf(bundleCms(bytes))
  if (!(await hasSigner(cms))) {
    if (signedBy === null) return signedOn(null, readBundle(bytes))
    return { code: 'NOT_SIGNED', text: `the bundle is not signed; it must be, by ${signedBy.sha256}` }
  }
  if (signedBy !== null && !signedBy.isWithinValidity(at()))
    return {
      code: at() < signedBy.notBefore ? 'CERT_NOT_YET_VALID' : 'CERT_EXPIRED',
      text: `the certificate that must have signed the bundle is valid from ${signedBy.notBefore.toISOString()} to ${signedBy.notAfter.toISOString()}`,
    }
  const opened = await openSignedFile(cms, signedBy === null ? [] : [signedBy], { spool, parseCertificate })
  if ('code' in opened) return { code: opened.code, text: `the bundle's signature: ${opened.text}` }
  const strong = opened.signers.filter(({ weak }) => !weak)
  if (strong.length === 0)
    return { code: 'ALGORITHM_REFUSED', text: "the bundle's signature uses SHA-1, which anyone may forge" }
  const signer = strong.find(({ certificate }) => signedBy === null || certificate.sha256 === signedBy.sha256)
  if (signedBy !== null && signer === undefined)
    return {
      code: 'SIGNER_UNTRUSTED',
      text: `the bundle is signed by ${strong.map(({ certificate }) => certificate.sha256).join(', ')}, not by ${signedBy.sha256}`,
    }
  if (!isBundleAlone(opened.content))
    return { code: 'MALFORMED', text: 'what is signed is neither a p7b nor PEM text from its first line on' }
  if (await hasSigner(sourceOf(bundleCms(opened.content))))
    return { code: 'MALFORMED', text: 'the bundle is signed twice, one signature within the other' }
  return signedOn(signer?.signingTime ?? null, readBundle(opened.content))
}

function signedOn(signedAt: Date | null, bundle: ReturnType<typeof readBundle>) {
  return 'code' in bundle ? bundle : { ...bundle, signedAt }
}

/** Whoever signs bundles may sign mail as well, and a mail that quotes a stranger's certificate must not make an anchor. */
function isBundleAlone(content: Uint8Array): boolean {
  return (
    content[0] === 0x30 || /^\s*-----BEGIN /.test(Buffer.from(content.subarray(0, 100)).toString('latin1'))
  )
}

function sourceOf(bytes: Uint8Array): Source {
  return {
    bytes: bytes.length,
    async *read() {
      yield bytes
    },
  }
}
