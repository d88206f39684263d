import { type Answer, AUTHORITATIVE_ANSWER, encode, TRUNCATED_RESPONSE } from 'dns-packet'
import { EDNS_BYTES, RCODE } from '../resolver/wire.ts'
import { apexOf, type Zone } from '../zone/zone.ts'
import { type Edns, HEADER, type Question, readEdns, readQuestion } from './query.ts'

const PLAIN_UDP_BYTES = 512
const TCP_BYTES = 65_535
/** Seconds. */
const TTL = 3600
const NEGATIVE_TTL = 300

const TYPE = { NS: 2, SOA: 6, CERT: 37, IXFR: 251, AXFR: 252, ANY: 255 }
const CLASS_IN = 1

interface Content {
  readonly rcode: number
  readonly authoritative?: boolean
  readonly answers?: Answer[]
  readonly authorities?: Answer[]
}

/**
 * The authoritative answer to one packet; null where none is due (too short for a header, or itself an answer).
 * Never throws. No recursion, no transfers; outside its names REFUSED; ANY brings no certificates (RFC 8482), and
 * UDP no more than 1232 bytes, so that forged questions gain little.
 */
export function respond(packet: Buffer, zone: Zone, transport: 'udp' | 'tcp'): Buffer | null {
  if (packet.length < HEADER) return null
  const flags = packet.readUInt16BE(2)
  const isAnswer = (flags & 0x8000) !== 0
  if (isAnswer) return null
  const opcode = (flags >> 11) & 0xf
  if (opcode !== 0) return assemble(packet, null, null, { rcode: RCODE.NOTIMP })
  const question = readQuestion(packet)
  const edns = readEdns(packet)
  if (question === null || edns === 'malformed') return assemble(packet, null, null, { rcode: RCODE.FORMERR })
  const content = edns !== null && edns.version !== 0 ? { rcode: RCODE.BADVERS } : answerTo(question, zone)
  const room = transport === 'tcp' ? TCP_BYTES : roomOverUdp(edns)
  const answer = assemble(packet, question, edns, content)
  return answer.length <= room
    ? answer
    : assemble(packet, question, edns, { ...content, answers: [], authorities: [] }, TRUNCATED_RESPONSE)
}

/** RFC 6891 6.2.3: values below 512 count as 512. */
function roomOverUdp(edns: Edns | null): number {
  return edns === null ? PLAIN_UDP_BYTES : Math.min(Math.max(edns.bytes, PLAIN_UDP_BYTES), EDNS_BYTES)
}

function answerTo(question: Question, zone: Zone): Content {
  const { name, type } = question
  const apex = apexOf(zone, name)
  const isTransfer = type === TYPE.AXFR || type === TYPE.IXFR
  if (question.class !== CLASS_IN || isTransfer || apex === null) return { rcode: RCODE.REFUSED }
  const answers = recordsAt(name, type, apex, zone)
  if (answers.length > 0) return { rcode: RCODE.NOERROR, authoritative: true, answers }
  // NODATA where the name exists, be it only for what lies below it (RFC 4592 2.2.2); both carry the SOA (RFC 2308 3).
  const rcode = zone.names.has(name) ? RCODE.NOERROR : RCODE.NXDOMAIN
  return { rcode, authoritative: true, authorities: [soa(apex, zone, NEGATIVE_TTL)] }
}

function recordsAt(name: string, type: number, apex: string, zone: Zone): Answer[] {
  const hasRecords = name === apex || zone.certificates.has(name)
  if (type === TYPE.ANY && hasRecords) {
    return [{ name, type: 'HINFO', ttl: TTL, data: { cpu: 'RFC8482', os: '' } }]
  }
  if (type === TYPE.CERT) {
    const set = zone.certificates.get(name) ?? []
    return set.map((data) => ({ name, type: 'CERT', ttl: TTL, data }))
  }
  if (name !== apex) return []
  if (type === TYPE.SOA) return [soa(apex, zone, TTL)]
  return type === TYPE.NS ? [{ name, type: 'NS', ttl: TTL, data: nameServer(apex, zone) }] : []
}

function nameServer(apex: string, zone: Zone): string {
  return zone.nameServer ?? `ns.${apex}`
}

function soa(apex: string, zone: Zone, ttl: number): Answer {
  const data = {
    mname: nameServer(apex, zone),
    rname: `hostmaster.${apex}`,
    serial: zone.serial,
    refresh: 7200,
    retry: 900,
    expire: 1_209_600,
    minimum: NEGATIVE_TTL,
  }
  return { name: apex, type: 'SOA', ttl, data }
}

function assemble(
  packet: Buffer,
  question: Question | null,
  edns: Edns | null,
  content: Content,
  more = 0,
): Buffer {
  const recursionDesiredAndOpcode = packet.readUInt16BE(2) & 0x7900
  const authoritative = content.authoritative ? AUTHORITATIVE_ANSWER : 0
  const message = encode({
    type: 'response',
    id: packet.readUInt16BE(0),
    flags: recursionDesiredAndOpcode | authoritative | more | (content.rcode & 0xf),
    answers: content.answers ?? [],
    authorities: content.authorities ?? [],
    additionals: edns === null ? [] : [ourEdns(content.rcode)],
  })
  if (question === null) return message
  // The question goes in as it came. Nothing after it moves meaning: dns-packet writes no compression pointers.
  message.writeUInt16BE(1, 4)
  return Buffer.concat([message.subarray(0, HEADER), question.bytes, message.subarray(HEADER)])
}

function ourEdns(rcode: number): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: EDNS_BYTES,
    extendedRcode: rcode >> 4,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
}
