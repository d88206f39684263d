import { X509Certificate } from 'node:crypto'
import { publicKeyTag } from './key-tag.ts'

/** RFC 4398 2.1: what the last field of a CERT record holds. */
const PKIX = 1
const IPKIX = 4
const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: 'PKIX',
  2: 'SPKI',
  3: 'PGP',
  4: 'IPKIX',
  5: 'ISPKI',
  6: 'IPGP',
  7: 'ACPKIX',
  8: 'IACPKIX',
  253: 'URI',
  254: 'OID',
}
const HEADER = 5

/** One CERT record. Key tag and algorithm are hints that nothing depends on (protocol.md DISC-3). */
export type CertRecord =
  /** A certificate in DER; whether it can be read as one is for trust-anchors to say. */
  | {
      readonly kind: 'pkix'
      readonly type: number
      readonly keyTag: number
      readonly algorithm: number
      readonly certificate: Buffer
    }
  /** Of type PKIX, but not one DER SEQUENCE from the first byte to the last; or too short to tell its type. */
  | { readonly kind: 'garbled'; readonly note: string }
  /** IPKIX: where the certificate is to be fetched, if that is wanted (DISC-3). */
  | { readonly kind: 'url'; readonly url: string; readonly note: string }
  /** Nothing for us: another type. */
  | { readonly kind: 'other'; readonly note: string }

/** Reads the RDATA of a CERT record (RFC 4398 2): type, key tag, algorithm, certificate. Never throws. */
export function parseCertRecord(rdata: Buffer): CertRecord {
  if (rdata.length < 2) return { kind: 'garbled', note: 'a CERT record too short to have a type was skipped' }
  const type = rdata.readUInt16BE(0)
  if (type === IPKIX) {
    const note = 'a CERT record of type IPKIX was skipped: its URL is not followed'
    return { kind: 'url', url: urlText(rdata.subarray(HEADER)), note }
  }
  if (type !== PKIX) {
    const name = TYPE_NAMES[type] ?? String(type)
    return {
      kind: 'other',
      note: `a CERT record of type ${name} was skipped: only PKIX holds a certificate for us`,
    }
  }
  const certificate = rdata.subarray(HEADER)
  if (!isOneSequence(certificate)) {
    return {
      kind: 'garbled',
      note: 'a CERT record of type PKIX was skipped: its content is not one DER SEQUENCE',
    }
  }
  return { kind: 'pkix', type, keyTag: rdata.readUInt16BE(2), algorithm: rdata.readUInt8(4), certificate }
}

/** What no URL holds as it is goes in encoded (RFC 3986 2.1), so that evidence may show it; nothing else changes. */
function urlText(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^\x21-\x7e]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/**
 * The RDATA that publishes a certificate (H1, H2). Throws what node:crypto throws when `der` is none.
 * RFC 4398 2: key tag and algorithm tell of the key inside, as a DNSKEY record would hold it; where DNSSEC has no
 * such key, both are 0.
 */
export function encodeCertRecord(der: Uint8Array): Buffer {
  const { algorithm, keyTag } = publicKeyTag(new X509Certificate(der).publicKey)
  const header = Buffer.alloc(HEADER)
  header.writeUInt16BE(PKIX, 0)
  header.writeUInt16BE(keyTag, 2)
  header.writeUInt8(algorithm, 4)
  return Buffer.concat([header, der])
}

/** X.690 8.1.3, 10.1: a definite length in its shortest form that spans the data exactly. */
function isOneSequence(der: Buffer): boolean {
  if (der.length < 2 || der[0] !== 0x30) return false
  const first = der[1] as number
  if (first < 0x80) return der.length === 2 + first
  const lengthBytes = first & 0x7f
  if (lengthBytes < 1 || lengthBytes > 4 || der.length < 2 + lengthBytes) return false
  const length = der.readUIntBE(2, lengthBytes)
  const isShortest = length >= 0x80 && der[2] !== 0
  return isShortest && der.length === 2 + lengthBytes + length
}
