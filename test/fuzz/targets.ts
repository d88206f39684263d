import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Answer, encode } from 'dns-packet'
import type { RecordType } from '../../dns/index.ts'
import { encodeCertRecord, parseCertRecord } from '../../dns/resolver/index.ts'
import { interpret } from '../../dns/resolver/interpret.ts'
import { HEADER, type Message, readMessage } from '../../dns/resolver/message.ts'
import { EDNS_BYTES, encodeQuery, readReply } from '../../dns/resolver/wire.ts'
import { Malformed, skipName } from '../../dns/resolver/wire-name.ts'
import { respond, respondTruncated } from '../../dns/serve/respond.ts'
import { zoneOf } from '../../dns/zone/index.ts'
import { mutate } from './mutate.ts'
import type { Target } from './target.ts'

const ID = 7
const NAME = 'lee.d.example'
const AA = 0x0400
const TC = 0x0200
const QUESTION_END = HEADER + NAME.length + 2 + 4
const MENDED = [
  [0, 2],
  [4, 6],
  [HEADER, QUESTION_END - 4],
  [QUESTION_END - 2, QUESTION_END],
] as const

const certificate = new X509Certificate(
  readFileSync(new URL('../../fixtures/pki/clinic-a.pem', import.meta.url)),
).raw
const rdata = encodeCertRecord(certificate)

const opt = (options: readonly { code: number; data: Buffer }[] = []): Answer =>
  ({
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1232,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    options,
  }) as unknown as Answer

const soa = (name: string): Answer => ({
  type: 'SOA',
  name,
  ttl: 300,
  data: {
    mname: `ns.${name}`,
    rname: `admin.${name}`,
    serial: 1,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum: 120,
  },
})

function answerTo(
  type: RecordType,
  answers: Answer[],
  more: { flags?: number; authorities?: Answer[] } = {},
) {
  const { flags = AA, authorities = [] } = more
  const questions = [{ name: NAME, type, class: 'IN' as const }]
  const packet = { id: ID, type: 'response' as const, questions, answers, authorities, additionals: [opt()] }
  return encode({ ...packet, flags })
}

const ASKED = (['CERT', 'A', 'AAAA', 'SRV', 'SOA', 'NS'] as const).map((type) => ({
  type,
  query: encodeQuery(ID, NAME, type, true),
}))

const cert = (name: string): Answer => ({ type: 'CERT', name, ttl: 600, data: rdata })
const chain = Array.from(
  { length: 9 },
  (_, i): Answer => ({
    type: 'CNAME',
    name: i === 0 ? NAME : `c${i}.example`,
    ttl: 60,
    data: `c${i + 1}.example`,
  }),
)

/** The most work that one answer can hold: 500 SOA records, the three names of each made of 126 labels. */
function laborious(): Buffer {
  const head = answerTo('SOA', []).subarray(0, QUESTION_END)
  const long = Buffer.concat([...Array<Buffer>(126).fill(Buffer.from([1, 0])), Buffer.from([0])])
  const to = Buffer.from([0xc0, head.length])
  const fixed = (type: number, length: number) => Buffer.from([0, type, 0, 1, 0, 0, 0, 60, 0, length])
  const first = Buffer.concat([long, fixed(2, 2), to])
  const other = Buffer.concat([to, fixed(6, 24), to, to, Buffer.alloc(20)])
  const packet = Buffer.concat([head, first, ...Array<Buffer>(499).fill(other)])
  packet.writeUInt16BE(500, 6)
  packet.writeUInt16BE(0, 10)
  return packet
}

const seeds = [
  answerTo('CERT', [cert(NAME), cert(NAME)]),
  answerTo('CERT', [...chain.slice(0, 2), cert('c2.example')]),
  answerTo('CERT', chain),
  answerTo('CERT', [], { flags: AA | 3, authorities: [soa('d.example')] }),
  answerTo('CERT', [], { authorities: [soa('d.example')] }),
  answerTo('CERT', [], { flags: AA | TC }),
  answerTo('CERT', [], {
    flags: 0,
    authorities: [{ type: 'NS', name: 'd.example', ttl: 60, data: 'ns.example' }],
  }),
  answerTo('A', [{ type: 'A', name: NAME, ttl: 60, data: '192.0.2.1' }]),
  answerTo('AAAA', [{ type: 'AAAA', name: NAME, ttl: 60, data: '2001:db8::1' }]),
  answerTo('SRV', [
    {
      type: 'SRV',
      name: NAME,
      ttl: 60,
      data: { priority: 1, weight: 2, port: 389, target: 'ldap.d.example' },
    },
    { type: 'TXT', name: NAME, ttl: 60, data: ['beside', 'it'] },
  ]),
  answerTo('NS', [{ type: 'NS', name: NAME, ttl: 60, data: 'ns.example' }]),
  answerTo('SOA', [soa(NAME)]),
]

/** The resolver: whatever a server sends in answer to our question. */
export const client: Target = {
  name: 'client',
  seeds,
  heavy: [
    answerTo(
      'CERT',
      Array.from({ length: 55 }, () => cert(NAME)),
    ),
    laborious(),
  ],
  maxSize: 2 << 20,
  mutate,
  /** Id, number of questions, name and class asked for: an answer that differs there is not read at all. */
  mend(packet) {
    if (packet.length < QUESTION_END) return packet
    const mended = Buffer.from(packet)
    for (const [from, to] of MENDED) seeds[0]?.copy(mended, from, from, to)
    return mended
  },
  take(packet) {
    let kind = 'unrelated'
    let size = 0
    for (const { type, query } of ASKED) {
      const reply = readReply(query, packet)
      if (reply.kind === 'unrelated') continue
      kind = reply.kind
      if (reply.kind !== 'message') continue
      size = sizeOf(reply.message)
      const reading = interpret(reply.message, { names: [NAME], ttl: 86_400 }, type)
      kind = reading.kind
      if (reading.kind !== 'found') continue
      if (!(reading.ttl >= 0 && reading.ttl <= 86_400)) throw new Error(`a TTL of ${reading.ttl}`)
      for (const record of reading.records) if (Buffer.isBuffer(record.data)) parseCertRecord(record.data)
    }
    return { kind, size }
  },
}

function sizeOf({ answers, authorities }: Message): number {
  return [...answers, ...authorities].reduce((sum, { name, data }) => {
    const own = Buffer.isBuffer(data) ? data.length : JSON.stringify(data).length
    return sum + name.length + own
  }, 0)
}

const zone = zoneOf([
  { name: 'd.example', der: certificate },
  { name: NAME.replace('.', '@'), der: certificate },
  { name: 'dr.kim@other.example', der: certificate },
])

function question(name: string, type: string, additionals: Answer[] = [opt()]): Buffer {
  const questions = [{ name, type: type as RecordType, class: 'IN' as const }]
  return encode({ type: 'query', id: ID, flags: 0x0100, questions, additionals })
}

const MAX_TCP = 65_535

/** The responder: whatever a stranger asks, over UDP and over TCP. */
export const responder: Target = {
  name: 'responder',
  seeds: [
    question(NAME, 'CERT'),
    question(NAME, 'CERT', []),
    question('LEE.D.Example', 'CERT', [opt([{ code: 10, data: Buffer.alloc(8, 1) }])]),
    question('d.example', 'SOA'),
    question('d.example', 'NS'),
    question('d.example', 'ANY'),
    question('d.example', 'AXFR'),
    question('d.example', 'IXFR'),
    question('_ldap._tcp.d.example', 'SRV'),
    question('kim.other.example', 'A'),
    question('nobody.d.example', 'CERT'),
    question('elsewhere.example', 'CERT'),
    question(`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.d.example`, 'CERT'),
  ],
  heavy: [Buffer.concat([question(NAME, 'CERT'), Buffer.alloc(60_000, 0xc0)])],
  maxSize: MAX_TCP,
  mutate,
  mend: (packet) => packet,
  take(packet) {
    const tcp = respond(packet, zone, 'tcp')
    const udp = respond(packet, zone, 'udp')
    const flooded = respondTruncated(packet, zone)
    if (udp !== null && udp.length > EDNS_BYTES) throw new Error(`${udp.length} bytes over UDP`)
    if (flooded !== null && flooded.length > Math.max(packet.length, HEADER))
      throw new Error(`${flooded.length} bytes in a flood, for ${packet.length}`)
    for (const answer of [tcp, udp, flooded]) if (answer !== null) mustBeAnswer(answer, packet)
    return { kind: tcp === null ? 'none' : `code ${tcp.readUInt16BE(2) & 0xf}`, size: tcp?.length ?? 0 }
  },
}

function mustBeAnswer(answer: Buffer, packet: Buffer): void {
  if (answer.readUInt16BE(0) !== packet.readUInt16BE(0)) throw new Error('an answer with another id')
  if ((answer.readUInt16BE(2) & 0x8000) === 0) throw new Error('an answer that says it is a question')
  const questions = answer.readUInt16BE(4)
  if (questions > 1) throw new Error(`an answer with ${questions} questions`)
  const read = readMessage(answer, questions === 0 ? HEADER : skipName(answer, HEADER) + 4)
  if (read instanceof Malformed) throw new Error(`an answer that cannot be read: ${read.message}`)
}
