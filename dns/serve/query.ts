import { type Answer, decode } from 'dns-packet'

/** Bytes before the first question. */
export const HEADER = 12

/** What a client asks, as the responder reads it. */
export interface Question {
  /** Canonical; bytes that our names never have are written as \DDD. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** As it came, upper and lower case included: the answer repeats it. */
  readonly bytes: Buffer
}

/** What a client's OPT record says. */
export interface Edns {
  readonly bytes: number
  readonly version: number
}

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
    labels.push(escapeLabel(packet.toString('latin1', at, at + length)))
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

/** A dot within a label must not pass for one between two. */
function escapeLabel(label: string): string {
  return label.replace(
    /[^\x21-\x2d\x2f-\x5b\x5d-\x7e]/g,
    (byte) => `\\${String(byte.charCodeAt(0)).padStart(3, '0')}`,
  )
}

/** RFC 6891 6.1.1: at most one OPT record; null where there is none. */
export function readEdns(packet: Buffer): Edns | null | 'malformed' {
  let additionals: readonly Answer[]
  try {
    additionals = decode(packet).additionals ?? []
  } catch {
    // dns-packet throws on anything that does not add up; the caller answers FORMERR.
    return 'malformed'
  }
  const opts = additionals.filter((record) => record.type === 'OPT')
  if (decode.bytes > packet.length || opts.length > 1) return 'malformed'
  const opt = opts[0]
  return opt === undefined ? null : { bytes: opt.udpPayloadSize, version: opt.ednsVersion }
}
