import type { Certificate } from '../x509/certificate.ts'
import { DerReader, type Extent, extentAt, Malformed, readOnly, TAG, timeValue } from '../x509/der.ts'
import { encode } from '../x509/der-write.ts'
import { type Extension, readExtensions } from '../x509/extensions.ts'
import { readGeneralName } from '../x509/general-name.ts'
import type { Crl } from './crl.ts'

/** What a CRL says of one certificate (RFC 5280 5.3). */
export interface CrlEntry {
  readonly revokedAt: Date
  /** CRLReason; 0, unspecified, where it gives none. */
  readonly reason: number
}

const REASON_CODE = '2.5.29.21'
const CERTIFICATE_ISSUER = '2.5.29.29'

/** Last octets, after 55 1d, of the OIDs of the entry extensions in RFC 5280 5.3 and holdInstructionCode's. */
const KNOWN: ReadonlySet<number> = new Set([0x15, 0x17, 0x18, 0x1d])
const CERTIFICATE_ISSUER_OCTET = 0x1d

const problems = new WeakMap<Crl, string | null>()

/**
 * The entry about this certificate, or null; a string where none of the entries may be believed, as the end of a
 * sentence: one is no DER, has a critical extension that is not known (RFC 5280 5.3), or a certificateIssuer though
 * the CRL is not indirect. All of them are looked at once for each CRL.
 */
export function findEntry(crl: Crl, certificate: Certificate): CrlEntry | null | string {
  const known = problems.get(crl)
  const problem = known === undefined ? unlessMalformed(() => findProblem(crl)) : known
  problems.set(crl, problem)
  return problem ?? unlessMalformed(() => find(crl, certificate))
}

/** An entry as it stands, for whoever looks at a CRL. */
export interface ListedEntry extends CrlEntry {
  /** Lower-case hex of the INTEGER's octets. */
  readonly serialHex: string
}

/** How many entries there are, and the first `most` of them; a string, as of `findEntry`, where one cannot be read. */
export function listEntries(
  crl: Crl,
  most: number,
): { readonly count: number; readonly first: readonly ListedEntry[] } | string {
  return unlessMalformed(() => {
    const walk = new Walk(crl.entries)
    const first: ListedEntry[] = []
    let count = 0
    while (walk.next()) {
      if (++count <= most)
        first.push({ serialHex: walk.serialHex, revokedAt: walk.revokedAt(), reason: walk.reason() })
    }
    return { count, first }
  })
}

function unlessMalformed<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return `has an entry that cannot be read: ${error.message}`
  }
}

function findProblem(crl: Crl): string | null {
  const walk = new Walk(crl.entries)
  const indirect = crl.scope?.indirect === true
  while (walk.next()) {
    const problem = walk.problem(indirect)
    if (problem !== null) return problem
  }
  return null
}

function find(crl: Crl, certificate: Certificate): CrlEntry | null {
  const { entries } = crl
  const serial = withoutPadding(certificate.serialNumber)
  // Most certificates are not revoked, and a search for octets takes a fraction of a walk.
  const octets = Buffer.from(entries.buffer, entries.byteOffset, entries.length)
  if (!octets.includes(Buffer.from(encode(TAG.INTEGER, serial)))) return null
  const walk = new Walk(entries)
  let issuers: readonly string[] = [crl.issuerCanonical]
  while (walk.next()) {
    const isIt = walk.serialIs(serial)
    if (!isIt && crl.scope?.indirect !== true) continue
    const extensions = walk.extensions()
    // It holds for the following entries too, until another one names somebody else (RFC 5280 5.3.3).
    const issuer = extensions.find(({ oid }) => oid === CERTIFICATE_ISSUER)
    if (issuer !== undefined) issuers = directoryNames(issuer.value)
    if (!isIt || !issuers.includes(certificate.issuerCanonical)) continue
    return { revokedAt: walk.revokedAt(), reason: walk.reason() }
  }
  return null
}

/** Walks revokedCertificates by numbers: an entry becomes an object only when somebody asks for what it says. */
class Walk {
  readonly #bytes: Uint8Array
  readonly #entry: Extent = { tag: 0, from: 0, to: 0 }
  readonly #serial: Extent = { tag: 0, from: 0, to: 0 }
  readonly #part: Extent = { tag: 0, from: 0, to: 0 }
  readonly #extension: Extent = { tag: 0, from: 0, to: 0 }

  constructor(entries: Uint8Array) {
    this.#bytes = entries
  }

  /** Goes to the next entry; false at the end. */
  next(): boolean {
    if (this.#entry.to === this.#bytes.length) return false
    this.#read(this.#entry, this.#entry.to, this.#bytes.length, TAG.SEQUENCE)
    this.#read(this.#serial, this.#entry.from, this.#entry.to, TAG.INTEGER)
    return true
  }

  serialIs(serial: Uint8Array): boolean {
    const { from, to } = this.#serial
    if (to - from !== serial.length) return false
    for (let i = 0; i < serial.length; i++) if (this.#bytes[from + i] !== serial[i]) return false
    return true
  }

  get serialHex(): string {
    const { from, to } = this.#serial
    return Buffer.from(this.#bytes.subarray(from, to)).toString('hex')
  }

  revokedAt(): Date {
    return timeValue(new DerReader(this.#bytes.subarray(this.#serial.to, this.#entry.to)).next())
  }

  extensions(): readonly Extension[] {
    const rest = new DerReader(this.#bytes.subarray(this.#serial.to, this.#entry.to))
    rest.next()
    return rest.done ? [] : readExtensions(rest.next(TAG.SEQUENCE).raw)
  }

  reason(): number {
    const reason = this.extensions().find(({ oid }) => oid === REASON_CODE)
    return reason === undefined ? 0 : readReason(reason.value)
  }

  /** What is wrong with this entry. Throws `Malformed`. */
  problem(indirect: boolean): string | null {
    const { from, to } = this.#serial
    // One number, one spelling: a padded one would be looked for in vain.
    if (to === from || isPadded(this.#bytes, from, to)) throw new Malformed('a serial number that is not DER')
    const time = extentAt(this.#bytes, to, this.#part)
    if (time.tag !== TAG.UTC_TIME && time.tag !== TAG.GENERALIZED_TIME) throw new Malformed('no time')
    const end = this.#entry.to
    if (time.to === end) return null
    const list = this.#read(this.#part, time.to, end, TAG.SEQUENCE)
    if (list.to !== end) throw new Malformed('bytes after an entry')
    for (let at = list.from; at < end; at = this.#extension.to) {
      const extension = this.#read(this.#extension, at, end, TAG.SEQUENCE)
      const problem = this.#extensionProblem(extension, indirect)
      if (problem !== null) return problem
    }
    return null
  }

  #extensionProblem(extension: Extent, indirect: boolean): string | null {
    const end = extension.to
    const { from, to } = this.#read(this.#part, extension.from, end, TAG.OID)
    const isCritical = this.#bytes[to] === TAG.BOOLEAN && this.#bytes[to + 2] !== 0
    const last = this.#bytes[to - 1] as number
    const isKnown =
      to - from === 3 && this.#bytes[from] === 0x55 && this.#bytes[from + 1] === 0x1d && KNOWN.has(last)
    if (isCritical && !isKnown) {
      const oid = new DerReader(this.#bytes.subarray(extension.from, end)).oid()
      return `has an entry with a critical extension that is not known here (${oid})`
    }
    if (isKnown && last === CERTIFICATE_ISSUER_OCTET && !indirect) {
      return 'names other issuers (certificateIssuer) without being an indirect CRL'
    }
    return null
  }

  /** As `extentAt`, and what is read must be of this tag and end within `end`. */
  #read(extent: Extent, at: number, end: number, tag: number): Extent {
    extentAt(this.#bytes, at, extent)
    if (extent.tag !== tag) throw new Malformed(`tag 0x${extent.tag.toString(16)} in an entry`)
    if (extent.to > end) throw new Malformed('an element longer than what holds it')
    return extent
  }
}

function isPadded(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 2) return false
  const sign = (bytes[from + 1] as number) & 0x80
  return sign === 0 ? bytes[from] === 0x00 : bytes[from] === 0xff
}

function withoutPadding(serial: Uint8Array): Uint8Array {
  let from = 0
  while (isPadded(serial, from, serial.length)) from++
  return serial.subarray(from)
}

function directoryNames(value: Uint8Array): readonly string[] {
  const list = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const names: string[] = []
  while (!list.done) {
    const name = readGeneralName(list.next())
    if (name.kind === 'directoryName') names.push(name.value.canonical)
  }
  return names
}

const ENUMERATED = 0x0a

/** CRLReason (RFC 5280 5.3.1). */
export function readReason(value: Uint8Array): number {
  const { content } = readOnly(value, ENUMERATED)
  if (content.length !== 1) throw new Malformed('a reason out of range')
  return content[0] as number
}
