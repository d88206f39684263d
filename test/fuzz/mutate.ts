/** Numbers from 0 up to, and without, `below`; the same ones for the same seed. */
export type Random = (below: number) => number

/** Marsaglia's xorshift over 32 bits: small, fast, and good enough to break packets with. */
export function seeded(seed: number): Random {
  let state = seed >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const MAX_CHANGES = 6
const MAX_BYTES = 65_535
/** Bytes that mean something in DNS: ends of names, longest label, kinds of labels, pointers. */
const TELLING = [0, 1, 11, 12, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff]
const TYPES = [0, 1, 2, 5, 6, 16, 28, 33, 37, 41, 47, 250, 255, 65_280]

type Change = (packet: Buffer, random: Random, others: readonly Buffer[]) => Buffer

const CHANGES: readonly Change[] = [
  function flipBit(packet, random) {
    return edited(packet, random, 1, (copy, at) => copy.writeUInt8((copy[at] ?? 0) ^ (1 << random(8)), at))
  },
  function setByte(packet, random) {
    return edited(packet, random, 1, (copy, at) => copy.writeUInt8(random(256), at))
  },
  function setTellingByte(packet, random) {
    return edited(packet, random, 1, (copy, at) => copy.writeUInt8(TELLING[random(TELLING.length)] ?? 0, at))
  },
  function setNumber(packet, random) {
    const number = random(2) === 0 ? random(0x10000) : (TYPES[random(TYPES.length)] ?? 0)
    return edited(packet, random, 2, (copy, at) => copy.writeUInt16BE(number, at))
  },
  function setPointer(packet, random) {
    const to = random(Math.min(packet.length, 0x4000))
    return edited(packet, random, 2, (copy, at) => copy.writeUInt16BE(0xc000 | to, at))
  },
  function setCount(packet, random) {
    if (packet.length < 12) return packet
    const copy = Buffer.from(packet)
    copy.writeUInt16BE(random(2) === 0 ? random(8) : random(0x10000), 4 + 2 * random(4))
    return copy
  },
  function cut(packet, random) {
    return packet.subarray(0, random(packet.length + 1))
  },
  function leaveOut(packet, random) {
    const at = random(packet.length + 1)
    return Buffer.concat([packet.subarray(0, at), packet.subarray(at + random(40))])
  },
  function insert(packet, random) {
    const at = random(packet.length + 1)
    const bytes = Buffer.from(Array.from({ length: 1 + random(20) }, () => random(256)))
    return Buffer.concat([packet.subarray(0, at), bytes, packet.subarray(at)])
  },
  function repeat(packet, random) {
    const from = random(packet.length + 1)
    const piece = packet.subarray(from, from + 1 + random(60))
    const at = random(packet.length + 1)
    return Buffer.concat([packet.subarray(0, at), piece, packet.subarray(at)])
  },
  function splice(packet, random, others) {
    const other = others[random(others.length)] ?? packet
    return Buffer.concat([
      packet.subarray(0, random(packet.length + 1)),
      other.subarray(random(other.length + 1)),
    ])
  },
]

/** A packet with one to six things wrong, more often few. `others`: whose pieces may go in. Never longer than a DNS message. */
export function mutate(packet: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let changed = packet
  for (let left = 1 + random(1 + random(MAX_CHANGES)); left > 0; left--) {
    const change = CHANGES[random(CHANGES.length)] as Change
    changed = change(changed, random, others)
  }
  return changed.subarray(0, MAX_BYTES)
}

/** Mostly behind the header: what is wrong there ends most packets at once. */
function edited(
  packet: Buffer,
  random: Random,
  width: number,
  write: (copy: Buffer, at: number) => void,
): Buffer {
  const start = random(8) === 0 || packet.length < 12 + width ? 0 : 12
  const room = packet.length - start - width + 1
  if (room <= 0) return packet
  const copy = Buffer.from(packet)
  write(copy, start + random(room))
  return copy
}
