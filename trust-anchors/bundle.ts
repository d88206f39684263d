import type { Reason } from '../agent/errors.ts'
import { Certificate, distinct, parseCertificate } from './x509/certificate.ts'
import { readCertsOnly } from './x509/certs-only.ts'
import { readPem } from './x509/pem.ts'

/** Bytes of a trust bundle that are read, its signature included; certificates in one. */
export const BUNDLE_LIMIT = { bytes: 10 << 20, count: 5_000 } as const

export type BundleCode = 'MALFORMED' | 'LIMIT_EXCEEDED' | 'NO_ANCHORS'

/** What a trust bundle holds. */
export interface Bundle {
  /** Each once, in the bundle's order. */
  readonly anchors: readonly [Certificate, ...Certificate[]]
  /** What an administrator should see: what could not be read, what is no CA. */
  readonly notes: readonly string[]
}

/** The CMS of a bundle that comes as PEM text; other bytes as they are. */
export function bundleCms(bytes: Uint8Array): Uint8Array {
  const [first] = readPem(bytes, ['PKCS7', 'CMS'])
  return first ?? bytes
}

/**
 * Reads an unsigned trust bundle, or what a signature was found to cover (TR-4; Trust Bundle Distribution 1.0, 1.1 and
 * 1.2): certs-only SignedData as DER, BER or PEM, with or without the XML metadata that it may have as content. PEM
 * certificates one after the other will do too. Metadata decides nothing and is not read.
 *
 * One certificate that cannot be read is told in `notes`, and the others count. A bundle without any is `NO_ANCHORS`: to
 * believe it would end all trust.
 */
export function readBundle(bytes: Uint8Array): Bundle | Reason<BundleCode> {
  if (bytes.length > BUNDLE_LIMIT.bytes)
    return {
      code: 'LIMIT_EXCEEDED',
      text: `a trust bundle of ${bytes.length} bytes; the limit is ${BUNDLE_LIMIT.bytes}`,
    }
  const blocks = readPem(bytes, ['PKCS7', 'CMS', 'CERTIFICATE', 'X509 CERTIFICATE'])
  const ders: Uint8Array[] = []
  for (const block of blocks.length === 0 ? [bytes] : blocks) {
    const inside = readCertsOnly(block, BUNDLE_LIMIT)
    if (inside !== null && 'code' in inside) return { code: 'MALFORMED', text: inside.text }
    // A certificate by itself is a bundle only as PEM: as DER it is rather the wrong file.
    if (inside === null && blocks.length === 0)
      return { code: 'MALFORMED', text: 'neither a p7b (certificates in CMS SignedData) nor PEM text' }
    ders.push(...(inside ?? [block]))
  }
  if (ders.length > BUNDLE_LIMIT.count)
    return { code: 'LIMIT_EXCEEDED', text: `more than ${BUNDLE_LIMIT.count} certificates in a trust bundle` }
  return anchorsOf(ders)
}

function anchorsOf(ders: readonly Uint8Array[]): Bundle | Reason<BundleCode> {
  const read: Certificate[] = []
  const notes: string[] = []
  for (const [i, der] of ders.entries()) {
    const certificate = parseCertificate(der)
    if (certificate instanceof Certificate) read.push(certificate)
    else notes.push(`certificate ${i + 1} of ${ders.length} was passed over: ${certificate.text}`)
  }
  const [first, ...others] = distinct(read)
  if (first === undefined)
    return {
      code: 'NO_ANCHORS',
      text:
        ders.length === 0
          ? 'the trust bundle holds no certificate'
          : `the trust bundle holds no certificate that can be read: ${notes[0]}`,
    }
  const anchors = [first, ...others] as const
  const leaves = anchors
    .filter(({ isCa }) => !isCa)
    .map(({ sha256 }) => `${sha256} is no CA certificate: as an anchor it stands for itself alone`)
  return { anchors, notes: [...notes, ...leaves] }
}
