import type { Random } from './mutate.ts'

const MAX_CHANGES = 6
/** Larger ones would be tests of limits, which have their own names. */
const MAX_BYTES = 1 << 20
/** Bytes that mean something in BER: ends, lengths of every form, the tags of CMS. */
const TELLING = [0, 1, 2, 3, 4, 5, 6, 0x24, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xa0, 0xa1, 0xff]
/** Pieces that mean something in mail. */
const WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\r\n ',
  '--',
  '--\r\n',
  '=',
  '=\r\n',
  '=?utf-8?B?',
  '=?iso-8859-1?Q?=00?=',
  '?=',
  '"',
  '\\',
  '(',
  ')',
  '<',
  '>',
  '@',
  ',',
  ';',
  ':',
  '\0',
  '\t',
  '%00',
  '*0*=',
  "''",
  '\u00e9',
  '\ufeff',
  'boundary=',
  'boundary="',
  'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n',
  'Content-Type: multipart/signed; boundary=b\r\n',
  'Content-Type: message/rfc822\r\n\r\n',
  'Content-Type: application/pkcs7-mime\r\n',
  'Content-Transfer-Encoding: base64\r\n',
  'Content-Transfer-Encoding: quoted-printable\r\n',
  'Content-Disposition: attachment; filename=',
  'From: a@b.example\r\n',
  'Disposition: automatic-action/MDN-sent-automatically; processed\r\n',
  'Final-Recipient: rfc822;',
  'Original-Message-ID: <',
  'Action: failed\r\n',
].map((word) => Buffer.from(word))

type Change = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer

const put = (bytes: Buffer, at: number, piece: Uint8Array, without = 0) =>
  Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + without)])

const CHANGES: readonly Change[] = [
  function flipBit(bytes, random) {
    const copy = Buffer.from(bytes)
    const at = random(copy.length)
    copy[at] = (copy[at] as number) ^ (1 << random(8))
    return copy
  },
  function setByte(bytes, random) {
    const copy = Buffer.from(bytes)
    copy[random(copy.length)] = random(2) === 0 ? random(256) : (TELLING[random(TELLING.length)] as number)
    return copy
  },
  function putByte(bytes, random) {
    return put(bytes, random(bytes.length + 1), Buffer.of(TELLING[random(TELLING.length)] as number))
  },
  function putWord(bytes, random) {
    return put(bytes, random(bytes.length + 1), WORDS[random(WORDS.length)] as Buffer, random(2) * random(9))
  },
  function cut(bytes, random) {
    return bytes.subarray(0, random(bytes.length + 1))
  },
  function leaveOut(bytes, random) {
    return put(bytes, random(bytes.length), Buffer.alloc(0), 1 + random(random(2) === 0 ? 20 : 2000))
  },
  function repeat(bytes, random) {
    const from = random(bytes.length)
    const piece = bytes.subarray(from, from + 1 + random(random(2) === 0 ? 10 : 300))
    const times = 1 + random(random(20) === 0 ? 2000 : 8)
    return put(bytes, random(bytes.length), Buffer.concat(Array<Buffer>(times).fill(piece)))
  },
  function move(bytes, random) {
    const from = random(bytes.length)
    const piece = Buffer.from(bytes.subarray(from, from + 1 + random(200)))
    return put(put(bytes, from, Buffer.alloc(0), piece.length), random(bytes.length), piece)
  },
  function splice(bytes, random, others) {
    const other = others[random(others.length)] ?? bytes
    const from = random(other.length)
    return put(bytes, random(bytes.length), other.subarray(from, from + random(3000)), random(3000))
  },
]

/** A message, or CMS, with one to six things wrong, more often few. */
export function mutateBytes(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let changed = bytes
  for (let left = 1 + random(1 + random(MAX_CHANGES)); left > 0; left--)
    if (changed.length > 0) changed = (CHANGES[random(CHANGES.length)] as Change)(changed, random, others)
  return changed.subarray(0, MAX_BYTES)
}

/** The same, of what a body in base64 encodes as often as of the text: what is inside would be out of reach. */
export function mutateMessage(message: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const text = message.toString('latin1')
  const encoded = /\r?\n\r?\n((?:[A-Za-z0-9+/]{40,}\r?\n)+[A-Za-z0-9+/]*={0,2})/.exec(text)
  const base64 = encoded?.[1]
  if (random(3) === 0 || encoded === null || base64 === undefined) return mutateBytes(message, random, others)
  const at = encoded.index + encoded[0].length - base64.length
  const inside = mutateBytes(Buffer.from(base64, 'base64'), random, [])
  const lines = inside.toString('base64').replace(/.{1,76}/g, '$&\r\n')
  return put(message, at, Buffer.from(lines), base64.length)
}
