import { DerReader, Malformed, oidText, TAG } from './der.ts'

const CMS = 'a CMS (p7b, p7c or p7m)'
/** What other PEM blocks are (RFC 7468), by the end of their labels; and a mail, by its header. */
const LABELS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/, 'a private key'],
  [/-----BEGIN [A-Z0-9 ]*CERTIFICATE REQUEST-----/, 'a certificate request'],
  [/-----BEGIN X509 CRL-----/, 'a CRL'],
  [/-----BEGIN [A-Z0-9 ]*PUBLIC KEY-----/, 'a public key'],
  [/-----BEGIN (PKCS7|CMS)-----/, CMS],
  [/^(MIME-Version|Return-Path|Received|Message-ID|From|To|Date|Subject):/i, 'a mail'],
]
const DATA = '1.2.840.113549.1.7.1'

/** What a file without certificate is instead, of the files that lie beside certificates; null: none of them. */
export function otherKind(bytes: Uint8Array): string | null {
  // As PowerShell's redirection writes what another program prints.
  const mark = Buffer.from(bytes.subarray(0, 2)).toString('hex')
  if (mark === 'fffe' || mark === 'feff') return 'text in UTF-16'
  if (bytes[0] !== TAG.SEQUENCE) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
    return LABELS.find(([label]) => label.test(text))?.[1] ?? null
  }
  try {
    return kindOfDer(new DerReader(bytes).sequence())
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

function kindOfDer(fields: DerReader): string | null {
  const first = fields.next()
  const second = fields.next()
  if (first.tag === TAG.INTEGER) {
    // PFX has version 3 and a ContentInfo (RFC 7292 4); keys have 0 or 1 (RFC 8017 A.1.2, RFC 5958 2, RFC 5915 3).
    if (first.content[0] === 3 && second.tag === TAG.SEQUENCE)
      return isPfx(second.content) ? 'a PKCS#12 file' : null
    const isKey = second.tag === TAG.INTEGER || second.tag === TAG.SEQUENCE || second.tag === TAG.OCTET_STRING
    return isKey && first.content.length === 1 ? 'a private key' : null
  }
  // ContentInfo: what it is, and that (RFC 5652 3).
  if (first.tag === TAG.OID && second.tag === 0xa0) return CMS
  if (first.tag !== TAG.SEQUENCE) return null
  // EncryptedPrivateKeyInfo: an algorithm, and octets (RFC 5958 3). SubjectPublicKeyInfo: an algorithm, and bits.
  if (second.tag === TAG.OCTET_STRING) return 'a private key, encrypted'
  if (second.tag === TAG.BIT_STRING) return 'a public key'
  if (isCrl(first.content)) return 'a CRL'
  return isRequest(first.content) ? 'a certificate request' : null
}

function isPfx(content: Uint8Array): boolean {
  return oidText(new DerReader(content).next(TAG.OID).content) === DATA
}

/** TBSCertList: a version or none, an algorithm, a name, and the time of this update (RFC 5280 5.1). */
function isCrl(content: Uint8Array): boolean {
  const list = new DerReader(content)
  list.optional(TAG.INTEGER)
  const tags = [list.next().tag, list.next().tag, list.next().tag]
  const [algorithm, name, time] = tags
  const isTime = time === TAG.UTC_TIME || time === TAG.GENERALIZED_TIME
  return algorithm === TAG.SEQUENCE && name === TAG.SEQUENCE && isTime
}

/** CertificationRequestInfo: a version, a name, a key, and attributes in [0] (RFC 2986 4.1). */
function isRequest(content: Uint8Array): boolean {
  const info = new DerReader(content)
  const tags = [info.next().tag, info.next().tag, info.next().tag, info.next().tag]
  return tags.join() === [TAG.INTEGER, TAG.SEQUENCE, TAG.SEQUENCE, 0xa0].join()
}
