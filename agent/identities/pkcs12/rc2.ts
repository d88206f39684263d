/**
 * RC2 (RFC 2268), decryption alone: node:crypto has none, and the PKCS#12 files of older Windows and OpenSSL hide their
 * certificates with 40 bits of it.
 */

/** RFC 2268 2: a permutation of all bytes, from the digits of pi. */
const PITABLE = Buffer.from(
  [
    'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2',
    '179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82',
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626',
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7',
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec',
    'c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731',
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9',
    '0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  ].join(''),
  'hex',
)

const BLOCK = 8
/** How far the words of a round are rotated (RFC 2268 3). */
const ROTATIONS = [1, 2, 3, 5] as const
/** Rounds of mixing between those of mashing. */
const ROUNDS = [5, 6, 5] as const

/** One block of 8 bytes. `effectiveBits`: the strength that the key is cut down to. */
export function rc2DecryptBlock(key: Uint8Array, effectiveBits: number, block: Uint8Array): Buffer {
  return decryptBlock(expand(key, effectiveBits), block)
}

/** CBC without regard to padding; as long as `data`, which is whole blocks. */
export function rc2DecryptCbc(
  key: Uint8Array,
  effectiveBits: number,
  iv: Uint8Array,
  data: Uint8Array,
): Buffer {
  const words = expand(key, effectiveBits)
  const plain = Buffer.alloc(data.length)
  let before = iv
  for (let at = 0; at < data.length; at += BLOCK) {
    const block = data.subarray(at, at + BLOCK)
    for (const [i, byte] of decryptBlock(words, block).entries()) plain[at + i] = byte ^ (before[i] as number)
    before = block
  }
  return plain
}

/** RFC 2268 2: 64 words of 16 bits. */
function expand(key: Uint8Array, effectiveBits: number): Uint16Array {
  const pi = (at: number) => PITABLE[at & 0xff] as number
  const bytes = new Uint8Array(128)
  bytes.set(key)
  for (let i = key.length; i < 128; i++)
    bytes[i] = pi((bytes[i - 1] as number) + (bytes[i - key.length] as number))
  const effective = Math.ceil(effectiveBits / 8)
  const first = 128 - effective
  bytes[first] = pi((bytes[first] as number) & (0xff >> (8 * effective - effectiveBits)))
  for (let i = first - 1; i >= 0; i--)
    bytes[i] = pi((bytes[i + 1] as number) ^ (bytes[i + effective] as number))
  return Uint16Array.from(
    { length: 64 },
    (_, i) => (bytes[2 * i] as number) | ((bytes[2 * i + 1] as number) << 8),
  )
}

/** RFC 2268 4. */
function decryptBlock(key: Uint16Array, block: Uint8Array): Buffer {
  const source = Buffer.from(block)
  const word = Uint16Array.from({ length: 4 }, (_, i) => source.readUInt16LE(2 * i))
  const at = (i: number) => word[i & 3] as number
  let next = 63
  for (const [phase, rounds] of ROUNDS.entries()) {
    for (let round = 0; round < rounds; round++)
      for (let i = 3; i >= 0; i--) {
        const turn = ROTATIONS[i] as number
        const turned = (at(i) >> turn) | (at(i) << (16 - turn))
        word[i] = turned - (key[next--] as number) - (at(i + 3) & at(i + 2)) - (~at(i + 3) & at(i + 1))
      }
    if (phase < ROUNDS.length - 1)
      for (let i = 3; i >= 0; i--) word[i] = at(i) - (key[at(i + 3) & 63] as number)
  }
  const plain = Buffer.alloc(BLOCK)
  for (const [i, value] of word.entries()) plain.writeUInt16LE(value, 2 * i)
  return plain
}
