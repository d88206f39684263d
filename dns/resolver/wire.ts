import { encode, RECURSION_DESIRED } from 'dns-packet'
import { HEADER, type Message, readMessage } from './message.ts'
import type { RecordType } from './types.ts'
import { Malformed } from './wire-name.ts'

/** What we tell servers that we take over UDP (DISC-5): fits an IPv6 packet that is never fragmented. */
export const EDNS_BYTES = 1232

export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 }

/** One question as it goes out. */
export interface Query {
  readonly bytes: Buffer
  /** The question section as sent: an answer has to repeat it. */
  readonly question: Buffer
}

/** What a packet from the server is to our question; `unrelated` ones are ignored (DISC-5). */
export type Reply =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'unrelated' }

/**
 * A question, with EDNS0 or plain; `recursive` (RD) unless a name server is asked for what is its own. `name` must be one
 * that DNS can carry (`isDnsName`).
 */
export function encodeQuery(
  id: number,
  name: string,
  type: RecordType,
  edns: boolean,
  recursive = true,
): Query {
  const opt = {
    type: 'OPT' as const,
    name: '.',
    udpPayloadSize: EDNS_BYTES,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
  const bytes = encode({
    type: 'query',
    id,
    flags: recursive ? RECURSION_DESIRED : 0,
    questions: [{ type, name, class: 'IN' }],
    additionals: edns ? [opt] : [],
  })
  return { bytes, question: bytes.subarray(HEADER, HEADER + name.length + 2 + 4) }
}

/** Reads a packet that came from the server asked. */
export function readReply(query: Query, bytes: Buffer): Reply {
  if (bytes.length < HEADER || bytes.readUInt16BE(0) !== query.bytes.readUInt16BE(0))
    return { kind: 'unrelated' }
  const flags = bytes.readUInt16BE(2)
  const isResponseToQuery = flags >> 11 === 0b10000
  if (!isResponseToQuery) return { kind: 'unrelated' }
  const rcode = flags & 0xf
  const questions = bytes.readUInt16BE(4)
  // A server that could not read the question has none to repeat (DISC-5).
  if (questions === 0 && rcode === RCODE.FORMERR) {
    return { kind: 'message', message: { rcode, authoritative: false, answers: [], authorities: [] } }
  }
  if (questions !== 1 || !repeatsQuestion(query, bytes)) return { kind: 'unrelated' }
  // Before the records are read: a truncated answer may end in the middle of one.
  if (flags & 0x0200) return { kind: 'truncated' }
  const message = readMessage(bytes, HEADER + query.question.length)
  return message instanceof Malformed
    ? { kind: 'malformed', why: `it has ${message.message}` }
    : { kind: 'message', message }
}

/** Byte for byte but for the case of letters. Length bytes are below 64, so folding leaves them alone. */
function repeatsQuestion(query: Query, bytes: Buffer): boolean {
  const length = query.question.length
  if (bytes.length < HEADER + length) return false
  const nameEnd = length - 4
  const theirs = bytes.subarray(HEADER, HEADER + length)
  const fold = (question: Buffer) => question.toString('latin1', 0, nameEnd).toLowerCase()
  return (
    fold(theirs) === fold(query.question) && theirs.subarray(nameEnd).equals(query.question.subarray(nameEnd))
  )
}
