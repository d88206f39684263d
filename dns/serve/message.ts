import { type Answer, encode } from 'dns-packet'
import { EDNS_BYTES } from '../resolver/wire.ts'
import type { ZoneRecord } from '../zone/records.ts'
import { type Edns, HEADER, type Question } from './query.ts'

/** What an answer says. RCODEs above 15 need EDNS (RFC 6891 6.1.3). */
export interface Content {
  readonly rcode: number
  readonly authoritative?: boolean
  readonly truncated?: boolean
  readonly answers?: readonly ServedRecord[]
  readonly authorities?: readonly ServedRecord[]
  /** Left out first, and without TC, where there is no room (RFC 2181 9). */
  readonly additionals?: readonly ServedRecord[]
}

/** HINFO only in answer to ANY (RFC 8482 4.2). */
export type ServedRecord =
  | ZoneRecord
  | {
      readonly name: string
      readonly ttl: number
      readonly type: 'HINFO'
      readonly data: { readonly cpu: string; readonly os: string }
    }

const QR = 0x8000
const AA = 0x0400
const TC = 0x0200
/** Of the question's flags those that the answer repeats: the opcode and RD. Never RA; no AD, no DO: nothing is signed. */
const REPEATED = 0x7900

/** The answer to `packet` as bytes. `question` null: it goes out without one; `edns` null: without OPT. */
export function encodeAnswer(
  packet: Buffer,
  question: Question | null,
  edns: Edns | null,
  content: Content,
): Buffer {
  const sections = [content.answers ?? [], content.authorities ?? [], content.additionals ?? []]
  const header = Buffer.alloc(HEADER)
  header.writeUInt16BE(packet.readUInt16BE(0), 0)
  const flags = (content.authoritative ? AA : 0) | (content.truncated ? TC : 0) | (content.rcode & 0xf)
  header.writeUInt16BE(QR | (packet.readUInt16BE(2) & REPEATED) | flags, 2)
  header.writeUInt16BE(question === null ? 0 : 1, 4)
  for (const [i, records] of sections.entries()) header.writeUInt16BE(records.length, 6 + 2 * i)
  if (edns !== null) header.writeUInt16BE((content.additionals?.length ?? 0) + 1, 10)
  return Buffer.concat([
    header,
    ...(question === null ? [] : [question.bytes]),
    ...sections.flat().flatMap((record) => [ownerOf(record.name, question), bodyOf(record)]),
    ...(edns === null ? [] : [ourEdns(content.rcode)]),
  ])
}

/** A name that the question's ends in is a pointer there (RFC 1035 4.1.4): two bytes, and room for a certificate more. */
function ownerOf(name: string, question: Question | null): Buffer {
  const isThere = question !== null && (question.name === name || question.name.endsWith(`.${name}`))
  if (!isThere) return nameBytes(name)
  const end = HEADER + question.bytes.length - 4
  const pointer = Buffer.alloc(2)
  pointer.writeUInt16BE(0xc000 | (end - name.length - 2))
  return pointer
}

function nameBytes(name: string): Buffer {
  const labels = name
    .split('.')
    .flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')])
  return Buffer.concat([...labels, Buffer.from([0])])
}

const bodies = new WeakMap<ServedRecord, Buffer>()

/** What follows the owner's name: type, class, TTL and data. The same for every answer, so made once. */
function bodyOf(record: ServedRecord): Buffer {
  const known = bodies.get(record)
  if (known !== undefined) return known
  const atRoot = encode({ type: 'response', answers: [{ ...record, name: '.' } as Answer] })
  const body = atRoot.subarray(HEADER + 1)
  bodies.set(record, body)
  return body
}

/** RFC 6891 6.1.2, 6.1.3: root, OPT, our size over UDP, the upper bits of the RCODE, version 0, no flag, no option. */
function ourEdns(rcode: number): Buffer {
  const opt = Buffer.alloc(11)
  opt.writeUInt16BE(41, 1)
  opt.writeUInt16BE(EDNS_BYTES, 3)
  opt.writeUInt8(rcode >> 4, 5)
  return opt
}
