import { labelText, nameEnd } from '../wire-labels.ts'

/** Bytes before the first question. */
export const HEADER = 12

/** What a client asks, as the responder reads it. */
export interface Question {
  /** Canonical; bytes as `labelText` writes them. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** As it came, upper and lower case included: the answer repeats it. */
  readonly bytes: Buffer
}

/** What a client's OPT record says. Its options and its DO bit ask for nothing that we have. */
export interface Edns {
  /** Bytes that the client takes over UDP. */
  readonly room: number
  readonly version: number
}

const TYPE_OPT = 41

/** The one question, null when there is not exactly one that can be read (RFC 9619). */
export function readQuestion(packet: Buffer): Question | null {
  if (packet.readUInt16BE(4) !== 1) return null
  const labels: string[] = []
  let at = HEADER
  for (;;) {
    const length = packet[at]
    // The first name has nothing before it to point to.
    if (length === undefined || length > 63) return null
    at++
    if (length === 0) break
    labels.push(labelText(packet, at, at + length))
    at += length
  }
  const end = at + 4
  if (end > packet.length || at - HEADER > 255) return null
  const name = labels.join('.').toLowerCase()
  return {
    name,
    type: packet.readUInt16BE(at),
    class: packet.readUInt16BE(at + 2),
    bytes: packet.subarray(HEADER, end),
  }
}

/**
 * RFC 6891 6.1.1: at most one OPT record, owned by the root; null where there is none. Walks the records after
 * `question` by their lengths alone, each byte once; what comes after the last is passed over.
 */
export function readEdns(packet: Buffer, question: Question): Edns | null | 'malformed' {
  const before = packet.readUInt16BE(6) + packet.readUInt16BE(8)
  const records = before + packet.readUInt16BE(10)
  let edns: Edns | null = null
  let at = HEADER + question.bytes.length
  for (let i = 0; i < records; i++) {
    const fixed = nameEnd(packet, at)
    if (fixed === null || fixed + 10 > packet.length) return 'malformed'
    const end = fixed + 10 + packet.readUInt16BE(fixed + 8)
    if (end > packet.length) return 'malformed'
    if (packet.readUInt16BE(fixed) === TYPE_OPT) {
      const isRoot = fixed === at + 1
      if (edns !== null || i < before || !isRoot) return 'malformed'
      edns = { room: packet.readUInt16BE(fixed + 2), version: packet[fixed + 5] as number }
    }
    at = end
  }
  return edns
}
