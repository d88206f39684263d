import { EDNS_BYTES, RCODE } from '../resolver/wire.ts'
import { hostOf, isAddress, type ZoneRecord } from '../zone/records.ts'
import { apexOf, type Zone } from '../zone/zone.ts'
import { type Content, encodeAnswer, type ServedRecord } from './message.ts'
import { type Edns, HEADER, type Question, readEdns, readQuestion } from './query.ts'

const PLAIN_UDP_BYTES = 512
const TCP_BYTES = 65_535
const TYPE = {
  A: 1,
  NS: 2,
  SOA: 6,
  MX: 15,
  AAAA: 28,
  SRV: 33,
  CERT: 37,
  DS: 43,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
}
const CLASS_IN = 1

/**
 * The authoritative answer to one packet; null where none is due (too short for a header, or itself an answer).
 * Never throws; the id always comes back, and the question as it was spelled but where it cannot be read (FORMERR, or
 * NOTIMP for another opcode). No recursion, no transfers; outside its names REFUSED; ANY brings no certificates
 * (RFC 8482), and UDP no more than 1232 bytes, so that forged questions gain little.
 */
export function respond(packet: Buffer, zone: Zone, transport: 'udp' | 'tcp'): Buffer | null {
  if (!isQuestion(packet)) return null
  const question = readQuestion(packet)
  if (opcodeOf(packet) !== 0) return encodeAnswer(packet, question, null, { rcode: RCODE.NOTIMP })
  const edns = question === null ? 'malformed' : readEdns(packet, question)
  if (question === null || edns === 'malformed')
    return encodeAnswer(packet, null, null, { rcode: RCODE.FORMERR })
  const content = edns !== null && edns.version !== 0 ? { rcode: RCODE.BADVERS } : answerTo(question, zone)
  return withinRoom(transport === 'tcp' ? TCP_BYTES : roomOverUdp(edns), content, (fitting) =>
    encodeAnswer(packet, question, edns, fitting),
  )
}

/**
 * The answer to a packet that came with too many others: truncated and empty, no longer than what came, so that a flood
 * gains nothing, and a client behind it that really asked comes again over TCP. What is no plain question gets what
 * `respond` says, which is as short.
 */
export function respondTruncated(packet: Buffer, zone: Zone): Buffer | null {
  if (!isQuestion(packet)) return null
  const question = readQuestion(packet)
  const edns = question === null ? 'malformed' : readEdns(packet, question)
  if (opcodeOf(packet) !== 0 || question === null || edns === 'malformed') return respond(packet, zone, 'udp')
  return encodeAnswer(packet, question, edns, { rcode: RCODE.NOERROR, truncated: true })
}

function isQuestion(packet: Buffer): boolean {
  return packet.length >= HEADER && (packet.readUInt16BE(2) & 0x8000) === 0
}

function opcodeOf(packet: Buffer): number {
  return (packet.readUInt16BE(2) >> 11) & 0xf
}

/** RFC 6891 6.2.3: values below 512 count as 512. */
function roomOverUdp(edns: Edns | null): number {
  return edns === null ? PLAIN_UDP_BYTES : Math.min(Math.max(edns.room, PLAIN_UDP_BYTES), EDNS_BYTES)
}

/** The whole, else without what nobody asked for, else TC and nothing: half a set of certificates is worse than none. */
function withinRoom(room: number, content: Content, encoded: (content: Content) => Buffer): Buffer {
  const { additionals, ...asked } = content
  const { rcode, authoritative = false } = content
  for (const fitting of [content, asked]) {
    const answer = encoded(fitting)
    if (answer.length <= room) return answer
  }
  return encoded({ rcode, authoritative, truncated: true })
}

function answerTo(question: Question, zone: Zone): Content {
  const { name, type } = question
  const apex = responsible(name, type, zone)
  const isTransfer = type === TYPE.AXFR || type === TYPE.IXFR
  if (question.class !== CLASS_IN || isTransfer || apex === null) return { rcode: RCODE.REFUSED }
  const records = zone.names.get(name)
  const answers = answersAmong(records ?? [], name, type)
  if (answers.length > 0)
    return { rcode: RCODE.NOERROR, authoritative: true, answers, additionals: addressesFor(answers, zone) }
  // NODATA where the name exists, be it only for what lies below it (RFC 4592 2.2.2); both carry the SOA (RFC 2308 3).
  const rcode = records === undefined ? RCODE.NXDOMAIN : RCODE.NOERROR
  return { rcode, authoritative: true, authorities: negativeSoa(apex, zone) }
}

/** The zone that answers, null where it is none of ours. DS belongs to the parent's side of a cut (RFC 4035 3.1.4.1). */
function responsible(name: string, type: number, zone: Zone): string | null {
  const apex = apexOf(zone, name)
  if (type !== TYPE.DS || apex !== name || !name.includes('.')) return apex
  return apexOf(zone, name.slice(name.indexOf('.') + 1)) ?? apex
}

function answersAmong(records: readonly ZoneRecord[], name: string, type: number): readonly ServedRecord[] {
  const [first] = records
  if (type === TYPE.ANY && first !== undefined)
    return [{ name, type: 'HINFO', ttl: first.ttl, data: { cpu: 'RFC8482', os: '' } }]
  return records.filter((record) => TYPE[record.type] === type)
}

/** RFC 1034 4.3.2, RFC 1035 3.3.9, RFC 2782: addresses of the hosts that the answer leads to, as far as they are ours. */
function addressesFor(answers: readonly ServedRecord[], zone: Zone): readonly ZoneRecord[] {
  const hosts = answers.flatMap((record) => (record.type === 'HINFO' ? [] : (hostOf(record) ?? [])))
  return [...new Set(hosts)].flatMap((host) => zone.names.get(host)?.filter(isAddress) ?? [])
}

/** RFC 2308 3: the TTL of an absence is the lesser of the SOA's own and its minimum. */
function negativeSoa(apex: string, zone: Zone): readonly ZoneRecord[] {
  return (zone.names.get(apex) ?? []).flatMap((record) =>
    record.type === 'SOA' ? [{ ...record, ttl: Math.min(record.ttl, record.data.minimum) }] : [],
  )
}
