import { createHash } from 'node:crypto'
import { BoundedMap } from '../bounded-map.ts'
import type { Failure } from '../failures.ts'
import { DerReader, Malformed, readOnly, TAG, timeValue } from '../x509/der.ts'
import { bitString, EXTENSION, readExtensions } from '../x509/extensions.ts'
import { type Name, readName } from '../x509/name.ts'
import {
  type DistributionPoint,
  type IssuingDistributionPoint,
  readDistributionPoints,
  readIssuingDistributionPoint,
} from '../x509/pointers.ts'
import { readScheme, type Signed } from './signature.ts'

/** 10 MiB (protocol.md NET). */
const MAX_BYTES = 10 * 1024 * 1024
/** The same as PEM, with its line ends. */
const MAX_PEM_BYTES = 15 * 1024 * 1024

const BLOCK = /-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g
const CRL_NUMBER = '2.5.29.20'
const DELTA_CRL_INDICATOR = '2.5.29.27'
const ISSUING_DISTRIBUTION_POINT = '2.5.29.28'

/** CRL extensions that are read here, or that change nothing about a CRL (issuerAltName, authorityInfoAccess). */
const KNOWN: ReadonlySet<string> = new Set([
  CRL_NUMBER,
  DELTA_CRL_INDICATOR,
  ISSUING_DISTRIBUTION_POINT,
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.freshestCrl,
  EXTENSION.authorityInfoAccess,
  '2.5.29.18',
])

/** A CertificateList (RFC 5280 5.1) whose header has been read; nothing about it has been believed. */
export interface Crl extends Signed {
  readonly der: Uint8Array
  /** Lower-case hex of the DER. */
  readonly sha256: string
  readonly issuer: Name
  readonly issuerCanonical: string
  readonly thisUpdate: Date
  readonly nextUpdate: Date | null
  /** CRLNumber; null: it has none. */
  readonly number: bigint | null
  /** BaseCRLNumber: this is a delta to that CRL or a later one. Null: it is complete. */
  readonly base: bigint | null
  /** What it speaks of; null: every certificate of its issuer, for every reason. */
  readonly scope: IssuingDistributionPoint | null
  /** Values of issuingDistributionPoint and authorityKeyIdentifier: equal in a CRL and in the deltas to it. */
  readonly family: string
  /** OID of a critical extension that is not known here, so that the CRL says nothing (RFC 5280 5.2). */
  readonly unknownCritical: string | null
  /** Where deltas to it are to be had. */
  readonly freshestCrl: readonly DistributionPoint[]
  /** Content of revokedCertificates, to be walked (crl-entries.ts). */
  readonly entries: Uint8Array
}

/** The same CRL is neither read nor checked again. */
const seen = new BoundedMap<Crl>(64 << 20, ({ der }) => der.length)

/**
 * Reads a CRL: DER, or PEM with exactly one, of at most 10 MiB (NET). Its entries are walked when asked for,
 * never built. What is none is `REVOCATION_UNKNOWN` with the reason. Throws nothing, whatever the bytes are.
 */
export function parseCrl(bytes: Uint8Array): Crl | Failure {
  const der = derOf(bytes)
  if (typeof der === 'string') return { code: 'REVOCATION_UNKNOWN', text: der }
  const sha256 = createHash('sha256').update(der).digest('hex')
  const known = seen.get(sha256)
  if (known !== undefined) return known
  try {
    const crl = readCrl(Uint8Array.from(der), sha256)
    seen.set(sha256, crl)
    return crl
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { code: 'REVOCATION_UNKNOWN', text: `${der.length} bytes that are no CRL: ${error.message}` }
  }
}

/** The bytes of the one CRL, or what is wrong with them. */
function derOf(bytes: Uint8Array): Uint8Array | string {
  const isDer = bytes[0] === TAG.SEQUENCE
  if (bytes.length > (isDer ? MAX_BYTES : MAX_PEM_BYTES)) {
    return `a CRL of ${bytes.length} bytes; the limit is ${MAX_BYTES}`
  }
  if (isDer) return bytes
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const blocks = [...text.matchAll(BLOCK)]
  if (blocks.length !== 1) return `${bytes.length} bytes that are no CRL: neither DER nor one PEM block`
  const der = Buffer.from(blocks[0]?.[1] as string, 'base64')
  return der.length > MAX_BYTES ? `a CRL of ${der.length} bytes; the limit is ${MAX_BYTES}` : der
}

function readCrl(der: Uint8Array, sha256: string): Crl {
  const list = new DerReader(readOnly(der, TAG.SEQUENCE).content)
  const tbs = list.next(TAG.SEQUENCE)
  const algorithm = list.next(TAG.SEQUENCE).raw
  const signature = bitString(list.next(TAG.BIT_STRING).content)
  list.end()

  const fields = new DerReader(tbs.content)
  const version = fields.optional(TAG.INTEGER)
  if (version !== null && (version.content.length !== 1 || version.content[0] !== 1)) {
    throw new Malformed('an unknown version')
  }
  if (Buffer.compare(fields.next(TAG.SEQUENCE).raw, algorithm) !== 0) {
    throw new Malformed('two signature algorithms')
  }
  const issuer = readName(fields.next(TAG.SEQUENCE).raw)
  const thisUpdate = timeValue(fields.next())
  const next = fields.optional(TAG.UTC_TIME) ?? fields.optional(TAG.GENERALIZED_TIME)
  const entries = fields.optional(TAG.SEQUENCE)?.content ?? new Uint8Array()
  const extensionsField = fields.optional(0xa0)
  fields.end()
  if (extensionsField !== null && version === null) throw new Malformed('extensions before version 2')
  const extensions = extensionsField === null ? [] : readExtensions(extensionsField.content)
  const value = (oid: string) => extensions.find((extension) => extension.oid === oid)?.value
  const scope = value(ISSUING_DISTRIBUTION_POINT)
  const freshest = value(EXTENSION.freshestCrl)
  return {
    der,
    sha256,
    tbs: tbs.raw,
    scheme: readScheme(algorithm),
    signature,
    issuer,
    issuerCanonical: issuer.canonical,
    thisUpdate,
    nextUpdate: next === null ? null : timeValue(next),
    number: readNumber(value(CRL_NUMBER)),
    base: readNumber(value(DELTA_CRL_INDICATOR)),
    scope: scope === undefined ? null : readIssuingDistributionPoint(scope),
    family: `${hex(scope)} ${hex(value(EXTENSION.authorityKeyIdentifier))}`,
    unknownCritical: extensions.find(({ oid, critical }) => critical && !KNOWN.has(oid))?.oid ?? null,
    freshestCrl: freshest === undefined ? [] : readDistributionPoints(freshest),
    entries,
  }
}

/** CRLNumber and BaseCRLNumber: not negative, at most 20 octets (RFC 5280 5.2.3), and one for a leading zero. */
function readNumber(value: Uint8Array | undefined): bigint | null {
  if (value === undefined) return null
  const { content } = readOnly(value, TAG.INTEGER)
  if (content.length === 0 || content.length > 21 || (content[0] as number) & 0x80) {
    throw new Malformed('a CRL number out of range')
  }
  return BigInt(`0x${hex(content)}`)
}

const hex = (bytes: Uint8Array | undefined) => (bytes === undefined ? '' : Buffer.from(bytes).toString('hex'))
