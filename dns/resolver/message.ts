import { SocketAddress } from 'node:net'
import { canonicalName } from '../names.ts'
import { Malformed, readName, skipName } from './wire-name.ts'

/** One answer, as far as we look at it. Names are canonical; records of other classes than IN are left out. */
export interface Message {
  /** With the extended bits of EDNS (RFC 6891 6.1.3). */
  readonly rcode: number
  readonly authoritative: boolean
  readonly answers: readonly WireRecord[]
  readonly authorities: readonly WireRecord[]
}

export interface WireRecord {
  readonly name: string
  /** `TYPE65` and the like for those that we never ask for. */
  readonly type: string
  /** Seconds. */
  readonly ttl: number
  /** CERT: the RDATA. A, AAAA, NS, CNAME: text. SRV, SOA: their fields. Other types: null, they are not read. */
  readonly data: unknown
}

export const HEADER = 12
/** In all sections together: more than any honest answer of 64 KiB to our questions holds. */
const MAX_RECORDS = 500
/** Name, type, class, TTL, length of RDATA: what the shortest takes. */
const LEAST_RECORD = 11
const IN = 1
const OPT = 41

/**
 * Reads what stands behind the question (RFC 1035 4.1). The work is bounded before it begins, and each record is what
 * its length says: types that we do not ask for are passed over unread. What comes after the last is ignored.
 */
export function readMessage(bytes: Buffer, start: number): Message | Malformed {
  try {
    return read(bytes, start)
  } catch (error) {
    if (error instanceof Malformed) return error
    throw error
  }
}

function read(bytes: Buffer, start: number): Message {
  const [answerCount, authorityCount, additionalCount] = [6, 8, 10].map((at) => bytes.readUInt16BE(at)) as [
    number,
    number,
    number,
  ]
  const count = answerCount + authorityCount + additionalCount
  if (count * LEAST_RECORD > bytes.length - start) throw new Malformed('fewer records than it counts')
  if (count > MAX_RECORDS) throw new Malformed(`more than ${MAX_RECORDS} records`)
  const answers: WireRecord[] = []
  const authorities: WireRecord[] = []
  let extended: number | null = null
  let at = start
  for (let i = 0; i < count; i++) {
    const place = placeOf(bytes, at)
    at = place.end
    if (i < answerCount) answers.push(...recordAt(bytes, place))
    else if (i < answerCount + authorityCount) authorities.push(...recordAt(bytes, place))
    // RFC 6891 6.1.3: the upper bits of the code are the first byte of what is the TTL elsewhere.
    else if (place.type === OPT) extended ??= place.ttl >>> 24
  }
  const flags = bytes.readUInt16BE(2)
  return {
    rcode: ((extended ?? 0) << 4) | (flags & 0xf),
    authoritative: (flags & 0x0400) !== 0,
    answers,
    authorities,
  }
}

/** Where a record lies and what it says of itself; its RDATA is from `data` to `end`. */
interface RecordPlace {
  readonly name: number
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly data: number
  readonly end: number
}

function placeOf(bytes: Buffer, name: number): RecordPlace {
  const at = skipName(bytes, name)
  const data = at + 10
  if (data > bytes.length) throw new Malformed('a record that ends within its header')
  const end = data + bytes.readUInt16BE(at + 8)
  if (end > bytes.length) throw new Malformed('a record that is longer than the message')
  const ttl = bytes.readUInt32BE(at + 4)
  return { name, type: bytes.readUInt16BE(at), class: bytes.readUInt16BE(at + 2), ttl, data, end }
}

function recordAt(bytes: Buffer, place: RecordPlace): readonly WireRecord[] {
  if (place.class !== IN || place.type === OPT) return []
  const name = canonicalName(readName(bytes, place.name).text)
  // RFC 2181 8: a TTL with the top bit set counts as zero.
  const ttl = place.ttl < 0x80000000 ? place.ttl : 0
  const known = TYPES[place.type]
  if (known === undefined) return [{ name, type: `TYPE${place.type}`, ttl, data: null }]
  return [{ name, type: known.type, ttl, data: known.read(bytes, place) }]
}

type ReadData = (bytes: Buffer, place: RecordPlace) => unknown

/** RFC 1035 3.3 and 3.4, 2782, 3596, 4398: the types that we ask for or that stand in their way. */
const TYPES: Readonly<Record<number, { readonly type: string; readonly read: ReadData }>> = {
  1: { type: 'A', read: (bytes, place) => Array.from(exactly(4, bytes, place)).join('.') },
  2: { type: 'NS', read: readOneName },
  5: { type: 'CNAME', read: readOneName },
  6: { type: 'SOA', read: readSoa },
  28: { type: 'AAAA', read: (bytes, place) => ipv6Text(exactly(16, bytes, place)) },
  33: { type: 'SRV', read: readSrv },
  37: { type: 'CERT', read: (bytes, { data, end }) => bytes.subarray(data, end) },
}

function exactly(length: number, bytes: Buffer, { data, end }: RecordPlace): Buffer {
  if (end - data !== length) throw new Malformed('an address of the wrong length')
  return bytes.subarray(data, end)
}

/** RFC 5952. */
function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}

function readOneName(bytes: Buffer, { data, end }: RecordPlace): string {
  return lastName(bytes, data, end)
}

function readSrv(bytes: Buffer, { data, end }: RecordPlace) {
  const target = lastName(bytes, data + 6, end)
  const [priority, weight, port] = [0, 2, 4].map((offset) => bytes.readUInt16BE(data + offset))
  return { priority, weight, port, target }
}

function readSoa(bytes: Buffer, { data, end }: RecordPlace) {
  const mname = readName(bytes, data)
  const numbers = end - 20
  const rname = lastName(bytes, mname.end, numbers)
  const [serial, refresh, retry, expire, minimum] = [0, 4, 8, 12, 16].map((offset) =>
    bytes.readUInt32BE(numbers + offset),
  )
  return { mname: mname.text, rname, serial, refresh, retry, expire, minimum }
}

/** A name that fills its place to the last byte. */
function lastName(bytes: Buffer, start: number, end: number): string {
  const name = readName(bytes, start)
  if (name.end !== end) throw new Malformed('RDATA that is not as long as what it holds')
  return name.text
}
